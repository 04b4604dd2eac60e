import { BasculeError } from '../../src/domain/errors';
import { describeHolder, standingOf } from '../../src/domain/lease';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { describeStep } from '../../src/domain/step';
import type { LeaseState } from '../../src/ports';
import type { Session } from './session';

/** The refusal of a second process (exit code 6): who holds the environment, since when and at which step. */
export async function held(
  session: Session,
  by: LeaseState,
  more: { details: string[]; next: string } | null = null,
): Promise<BasculeError> {
  const { environment } = session;
  const { holder } = by;
  const open = await openState(session, by.deployment);
  const step = open === undefined ? undefined : currentStep(open);
  const sight = session.sightOf(holder);
  const gone = standingOf(by, session.world.clock.now(), sight);
  return new BasculeError({
    code: 'BASCULE_HELD',
    message:
      `${environment} is held by ${describeHolder(holder)} ` +
      `since ${new Date(by.acquiredAt).toISOString()}, deployment ${by.deployment}${step === undefined ? '' : `, at: ${step}`}.`,
    details: [
      ...(holder.job === null ? [] : [`job: ${holder.job}`]),
      ...(gone.kind === 'abandoned' ? [gone.proof] : []),
      `its lease expires at ${new Date(by.expiresAt).toISOString()} unless it is renewed`,
      ...(more?.details ?? []),
    ],
    next:
      more?.next ??
      (gone.kind === 'abandoned'
        ? inPlaceOf(environment, open !== undefined)
        : `Wait for it to end; \`bascule watch ${environment}\` follows it.`),
    blame: 'world',
    exitCode: 6,
  });
}

function inPlaceOf(environment: string, open: boolean): string {
  const unlock = `\`bascule unlock ${environment}\``;
  if (!open) return `Its holder is gone and left no deployment open: ${unlock} frees the environment.`;
  return `Its holder is gone. \`bascule resume ${environment}\` or \`bascule abort ${environment}\` take its place; ${unlock} only takes the lease from it.`;
}

/** The holder's deployment, while that has begun and not ended. */
async function openState(session: Session, deployment: string): Promise<DeploymentState | undefined> {
  const records = await session.journal.read(deployment).catch(() => []);
  if (records.length === 0) return undefined;
  const state = replay(records);
  return state.closed === null ? state : undefined;
}

function currentStep(state: DeploymentState): string | undefined {
  const step = state.plan.steps.find((one) =>
    ['started', 'ran', 'undoing'].includes(state.steps[one.id]?.phase ?? ''),
  );
  return step === undefined ? undefined : describeStep(step);
}
