import { otherColour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
import type { DeploymentState } from '../../src/domain/replay';
import { readRegions } from './observe';
import type { Session } from './session';

/**
 * Whether undoing would lead traffic to a fleet that is no longer what it was.
 * @throws BasculeError BASCULE_TOO_LATE (exit code 5) naming the way that brings the former release up first.
 */
export async function refuseIfTooLate(session: Session, state: DeploymentState): Promise<void> {
  const { plan, deployment } = state;
  const begun = plan.steps.filter((step) => (state.steps[step.id]?.phase ?? 'pending') !== 'pending');
  const retiring = begun.find((step) => step.kind === 'retire');
  const why =
    retiring === undefined
      ? await shrunk(session, state)
      : `the ${retiring.colour} fleet in ${retiring.region} is being scaled down`;
  if (why === undefined) return;
  const { environment } = session;
  const finish = state.closed === null ? `\`bascule resume ${environment}\` finishes it. Then ` : '';
  throw new BasculeError({
    code: 'BASCULE_TOO_LATE',
    message: `Deployment ${deployment} of ${environment} cannot be undone any more: ${why}.`,
    next:
      plan.purpose === 'retire'
        ? `\`bascule resume ${environment}\` finishes it.`
        : `${finish}\`bascule rollback ${environment}\` brings the former release up and moves traffic when it is healthy. Nothing was changed.`,
    blame: 'world',
    exitCode: 5,
  });
}

/** Once the fleets were given back the former one may scale in: it must still be able to carry everything. */
async function shrunk(session: Session, state: DeploymentState): Promise<string | undefined> {
  const released = state.plan.steps.filter(
    (step) => step.kind === 'release' && state.steps[step.id]?.phase === 'verified',
  );
  if (released.length === 0) return undefined;
  const regions = await readRegions(session);
  for (const step of state.plan.steps) {
    if (step.kind !== 'shift') continue;
    const fleets = regions.find(({ region }) => region === step.region)?.fleets;
    const gained = fleets?.[step.towards];
    const former = fleets?.[otherColour(step.towards)];
    const has = healthyOf(former);
    const needs = gained?.desired ?? 0;
    if (has < needs)
      return `the former fleet in ${step.region} has ${has} healthy instance(s), and ${needs} carry the traffic now`;
  }
  return undefined;
}

function healthyOf(fleet: FleetReading | undefined): number {
  return fleet === undefined ? 0 : healthyInstances(fleet).length;
}
