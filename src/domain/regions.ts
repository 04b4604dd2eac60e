import type { Plan, Reason } from './records';
import type { DeploymentState } from './replay';
import type { Step } from './step';

/** The stable codes of what befalls a single region. */
const CODES = { unreachable: 'BASCULE_REGION_UNREACHABLE' } as const;

/** That of a region that gave no answer for as long as it is waited for. */
export const UNREACHABLE = CODES.unreachable;

/** The regions of a plan, in the order they go. */
export function regionsOf({ waves, steps }: Plan): string[] {
  return waves?.order.flat() ?? [...new Set(steps.map((step) => step.region))];
}

/**
 * Whether a step can end without an answer while other regions go on. What is done once for all regions, such as a
 * migration or an approval, and a deployment of one region wait for a person instead.
 */
export function isOfOneRegion({ waves }: Plan, step: Step): boolean {
  return waves !== undefined && !['migrate', 'approve', 'test'].includes(step.kind);
}

/** Whether a plan goes on with the other regions where one is silent: what moves traffic back, or takes nothing away. */
export function goesPastSilence({ purpose }: Plan): boolean {
  return purpose !== 'deploy';
}

/** The regions whose release is live and was watched for as long as people decided. */
export function doneRegions(state: DeploymentState): string[] {
  const { plan, steps } = state;
  const end = plan.steps.findIndex(({ kind }) => kind === 'release');
  const before = plan.steps.slice(0, end === -1 ? undefined : end);
  return regionsOf(plan).filter((region) => {
    const last = before.findLast((step) => step.region === region && isOwn(step));
    return last !== undefined && steps[last.id]?.phase === 'verified' && hasCutOver(state, region);
  });
}

/** Not what is done once for all regions, nor what looks again at those that are done. */
function isOwn(step: Step): boolean {
  if (step.kind === 'soak') return step.afterWave === undefined;
  return step.kind !== 'migrate' && step.kind !== 'approve';
}

function hasCutOver({ plan, steps }: DeploymentState, region: string): boolean {
  return plan.steps.some(
    (step) =>
      step.kind === 'shift' &&
      step.percent === undefined &&
      step.region === region &&
      steps[step.id]?.phase === 'verified',
  );
}

/**
 * The regions that go back when a step fails and those that are done are to stay; undefined where none would stay,
 * or everything goes back by policy.
 */
export function goingBackAlone(state: DeploymentState, failed: string): string[] | undefined {
  const { plan } = state;
  if (plan.waves?.onFailure !== 'leave' || plan.purpose !== 'deploy') return undefined;
  const region = plan.steps.find(({ id }) => id === failed)?.region;
  const staying = doneRegions(state).filter((one) => one !== region);
  return staying.length === 0 ? undefined : regionsOf(plan).filter((one) => !staying.includes(one));
}

/** The regions whose part of a deployment had no answer to the end: nothing is known of them. */
export function unknownRegions({ silent }: DeploymentState): string[] {
  return Object.entries(silent).flatMap(([region, { then }]) => (then === 'given-up' ? [region] : []));
}

/** The same, and those that gave no answer when a rollback was planned: it is not at its end without them. */
export function regionsMissing(state: DeploymentState): string[] {
  return [...unknownRegions(state), ...(state.plan.unplanned ?? [])];
}

/** Why a deployment cannot end by itself: some regions gave no answer; with why it turned back, where it did. */
export function unknownReason(state: DeploymentState, why: Reason | null): Reason {
  const regions = why === null ? regionsMissing(state) : unknownRegions(state);
  const silences = regions.flatMap((region) => state.silent[region]?.reason.message ?? []);
  return {
    code: UNREACHABLE,
    message:
      `${regions.join(' and ')} ${regions.length === 1 ? 'is' : 'are'} unknown: no answer came from there. ${why?.message ?? ''}`.trim(),
    details: [...silences, ...(why?.details ?? [])],
  };
}

/** Where each region is by the journal, one line each; what gave no answer is unknown, never done. */
export function whereabouts(state: DeploymentState): string[] {
  return regionsOf(state.plan).map((region) => `${region}: ${whereIs(state, region)}`);
}

/** What was live before, in words: where regions had different releases it has no one name. */
export function formerName({ formerVersion, found = [] }: Plan): string {
  if (formerVersion !== null) return formerVersion;
  const none = found.every(({ fleets }) => fleets.blue === null && fleets.green === null);
  return none || found.length < 2 ? 'no release' : 'the former releases';
}

/** Where one region is by the journal. */
export function whereIs(state: DeploymentState, region: string): string {
  const { plan, steps, silent } = state;
  const former = formerName(plan);
  if (silent[region]?.then === 'given-up' || plan.unplanned?.includes(region) === true) return 'unknown';
  const shifts = plan.steps.filter((step) => step.kind === 'shift' && step.region === region);
  const last = shifts.findLast((step) => !['pending', undefined].includes(steps[step.id]?.phase));
  if (last?.kind !== 'shift') return `on ${former}; no traffic was moved`;
  switch (steps[last.id]?.phase) {
    case 'verified':
      return last.percent === undefined ? `on ${plan.version}` : `${last.percent} % on ${plan.version}`;
    case 'undone':
      return `back on ${former}`;
    default:
      return `between ${former} and ${plan.version}`;
  }
}
