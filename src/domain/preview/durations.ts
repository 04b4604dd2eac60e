import type { DeploymentState } from '../replay';
import type { Step } from '../step';

/**
 * How long a step took in the deployments of the past that succeeded: their median in seconds, null where none
 * had it. What a step only waits for belongs to it, so one that was to wait for another time is another step.
 */
export function expectedSeconds(step: Step, past: readonly DeploymentState[]): number | null {
  const taken = past.flatMap(({ plan, steps }) =>
    plan.steps.flatMap((one) => {
      if (!isAlike(one, step)) return [];
      const { phase, startedAt, endedAt } = steps[one.id] ?? {};
      if (phase !== 'verified' || typeof startedAt !== 'number' || typeof endedAt !== 'number') return [];
      return [(endedAt - startedAt) / 1000];
    }),
  );
  return median(taken);
}

/** Deployments whose durations tell something of the next one. */
export function tellsDurations({ plan, closed }: DeploymentState): boolean {
  return plan.purpose === 'deploy' && closed?.outcome === 'succeeded';
}

function isAlike(one: Step, other: Step): boolean {
  return one.id === other.id && one.kind === other.kind && waitOf(one) === waitOf(other);
}

function waitOf(step: Step): string {
  switch (step.kind) {
    case 'analyse':
      return `${step.seconds} ${step.byHand}`;
    case 'soak':
    case 'keep-warm':
      return String(step.seconds);
    case 'traffic-end':
      return String(step.quietSeconds);
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
