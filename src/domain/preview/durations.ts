import type { DeploymentState } from '../replay';
import type { Step } from '../step';

/**
 * How long the steps of a deployment took, in seconds: each under its id and what it was to wait for. What a step
 * only waits for belongs to it, so one that was to wait for another time is another step.
 */
export type Durations = Readonly<Record<string, number>>;

/** Undefined of one that says nothing of how long the next one takes: no release, or none that succeeded. */
export function durationsOf({ plan, steps, closed }: DeploymentState): Durations | undefined {
  return closed?.outcome === 'succeeded' ? durationsSoFar({ plan, steps }) : undefined;
}

/** As durationsOf, of a deployment that is about to be closed as succeeded. */
export function durationsSoFar({
  plan,
  steps,
}: Pick<DeploymentState, 'plan' | 'steps'>): Durations | undefined {
  if (plan.purpose !== 'deploy') return undefined;
  const taken = plan.steps.flatMap((step): [string, number][] => {
    const { phase, startedAt, endedAt } = steps[step.id] ?? {};
    if (phase !== 'verified' || typeof startedAt !== 'number' || typeof endedAt !== 'number') return [];
    return [[nameOf(step), (endedAt - startedAt) / 1000]];
  });
  return Object.fromEntries(taken);
}

/** How long a step took in the deployments of the past: their median in seconds, null where none had it. */
export function expectedSeconds(step: Step, past: readonly Durations[]): number | null {
  const name = nameOf(step);
  return median(past.flatMap(({ [name]: seconds }) => (seconds === undefined ? [] : [seconds])));
}

function nameOf(step: Step): string {
  const wait = waitOf(step);
  return wait === '' ? step.id : `${step.id} (${wait})`;
}

function waitOf(step: Step): string {
  switch (step.kind) {
    case 'analyse':
      return step.byHand ? 'by hand' : `${step.seconds} s`;
    case 'soak':
    case 'keep-warm':
      return `${step.seconds} s`;
    case 'traffic-end':
      return `${step.quietSeconds} s`;
    default:
      return '';
  }
}

function median(values: number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  const lower = sorted[Math.ceil(middle) - 1] ?? upper;
  return Math.round(((upper + lower) / 2) * 10) / 10;
}
