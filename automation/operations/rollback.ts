import { BasculeError } from '../../src/domain/errors';
import { otherColour } from '../../src/domain/colour';
import { isWarm, planRollback, type RegionFacts } from '../../src/domain/plan';
import { replay } from '../../src/domain/replay';
import { requireFormerSchema } from './database';
import { refuseIfInterrupted, runPlan, type Deployed } from './deployments';
import { nextDeployment, holding } from './holding';
import { readAnswering, type Answering } from './answering';
import { liveVersion, requireOneLive } from './observe';
import type { Session } from './session';

/** Moves production back to the former release: at once where its fleet is warm, otherwise after bringing it up. */
export async function rollback(session: Session): Promise<Deployed> {
  const deployment = await nextDeployment(session);
  return holding(session, deployment, async (lease) => {
    await refuseIfInterrupted(session);
    // A region that is cut off does not keep the others from going back.
    const { readings, silent } = await readAnswering(session);
    const regions = requireOneLive(readings);
    const unplanned = silent.map(({ region }) => region);
    const live = liveVersion(regions);
    const version = await rollbackTarget(session, live, regions);
    if (version === undefined) throw nothingToGoBackTo(session, live);
    await requireFormerSchema({ ...session, regions: readings.map(({ region }) => region) }, version);
    for (const text of [...announce(regions, version), ...silent.map(leftOut)])
      session.reporter.say({ kind: 'note', text });
    const { environment, service, policy } = session;
    const plan = planRollback({
      environment,
      service,
      version,
      formerVersion: live,
      regions,
      unplanned,
      policy,
    });
    return runPlan(
      session,
      deployment,
      lease,
      plan,
      `${environment}: back from ${live ?? 'unknown'} to ${version}`,
    );
  });
}

/**
 * What the live release replaced, by the journal of the deployment that brought it; the idle fleet's tag
 * alone would name a release that failed on it later. Undefined where there is nothing to go back to.
 */
export async function rollbackTarget(
  session: Session,
  live: string | null,
  regions: readonly RegionFacts[],
): Promise<string | undefined> {
  for (const id of (await session.journal.list()).reverse()) {
    const records = await session.journal.read(id);
    // Its first record was cut off: nothing was done, and nothing is known of it.
    if (records.length === 0) continue;
    const { plan, closed } = replay(records);
    const brought = closed?.outcome === 'succeeded' && plan.purpose !== 'retire' && plan.version === live;
    if (brought && plan.formerVersion !== null) return plan.formerVersion;
    if (brought) break;
  }
  const idle = new Set(regions.map((facts) => facts.fleets[otherColour(facts.live)]?.version ?? null));
  const only = [...idle][0] ?? null;
  return idle.size === 1 && only !== null && only !== live ? only : undefined;
}

function nothingToGoBackTo(session: Session, live: string | null): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NO_FORMER_RELEASE',
    message: `${session.environment} has no former release to go back to: ${live ?? 'what is live'} is the first that its journal knows.`,
    next: `Deploy the release you want: \`bascule deploy ${session.environment} --version <version>\`. Nothing was changed.`,
  });
}

function leftOut({ region, error }: Answering['silent'][number]): string {
  return `${region} gives no answer and is left out; \`bascule resume\` brings it back once it does: ${error.message}`;
}

function announce(regions: readonly RegionFacts[], version: string): string[] {
  return regions.map((facts) => {
    const colour = otherColour(facts.live);
    if (isWarm(facts, version))
      return `${facts.region}: ${colour} is warm and healthy at ${version}; traffic moves back in one go.`;
    const idle = facts.fleets[colour];
    const why =
      idle === undefined || idle.desired === 0
        ? 'has no instances'
        : idle.version === version
          ? 'is not fully healthy'
          : `runs ${idle.version ?? 'another release'}`;
    return `${facts.region}: ${colour} ${why}; it is brought up at ${version} and must pass the health gate before traffic moves.`;
  });
}
