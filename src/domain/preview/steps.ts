import type { RegionFacts } from '../plan';
import type { Plan } from '../records';
import { shiftsBefore } from '../shifts';
import { describeStep, isWatched, type Capacity, type Step } from '../step';
import { expectedSeconds, type Durations } from './durations';
import type { PreviewedStep } from './preview';

/** A plan step by step as people read it: what moves, what grows, what is waited for. */
export function previewSteps(
  plan: Plan,
  regions: readonly RegionFacts[],
  past: readonly Durations[],
): PreviewedStep[] {
  const instances = new Map(regions.map((facts) => [facts.region, standingOf(facts)]));
  return plan.steps.map((step) => {
    const facts = regions.find(({ region }) => region === step.region);
    const before = instances.get(step.region);
    const after = facts === undefined || before === undefined ? undefined : afterStep(step, before, facts);
    if (after !== undefined) instances.set(step.region, after);
    return {
      id: step.id,
      kind: step.kind,
      region: step.region,
      text: textOf(step),
      ...weightsOf(step, plan),
      ...(after && { instances: after }),
      ...capacityOf(step),
      ...waitOf(step),
      ...(isWatched(step) && step.group !== undefined && { group: step.group }),
      expectedSeconds: expectedSeconds(step, past),
    };
  });
}

/** Whom a deployment will wait for is what people look for in a preview. */
function textOf(step: Step): string {
  return step.kind === 'approve'
    ? `${describeStep(step)} of ${step.approvers.join(', ')}`
    : describeStep(step);
}

interface Standing {
  live: number;
  idle: number;
}

function standingOf({ live, fleets }: RegionFacts): Standing {
  const idle = fleets[live === 'blue' ? 'green' : 'blue'];
  return { live: fleets[live]?.desired ?? 0, idle: idle?.desired ?? 0 };
}

function afterStep(step: Step, before: Standing, { live }: RegionFacts): Standing {
  switch (step.kind) {
    case 'clear-idle':
      return { ...before, idle: 0 };
    case 'apply-idle':
    case 'follow':
      return { ...before, idle: step.capacity.desired };
    case 'retire':
      return step.colour === live ? { ...before, live: 0 } : { ...before, idle: 0 };
    default:
      return before;
  }
}

function weightsOf(step: Step, plan: Plan): Pick<PreviewedStep, 'weights'> {
  if (step.kind !== 'shift') return {};
  const before = shiftsBefore(plan.steps, step).at(-1)?.to ?? step.from;
  return { weights: { before, after: step.to } };
}

function capacityOf(step: Step): { capacity?: Capacity } {
  switch (step.kind) {
    case 'apply-idle':
    case 'follow':
    case 'unpin':
      return { capacity: step.capacity };
    default:
      return {};
  }
}

function waitOf(step: Step): Pick<PreviewedStep, 'wait'> {
  switch (step.kind) {
    case 'analyse':
      return { wait: { seconds: step.seconds, byHand: step.byHand } };
    case 'soak':
    case 'keep-warm':
      return step.seconds === 0 ? {} : { wait: { seconds: step.seconds, byHand: false } };
    case 'traffic-end':
      return { wait: { seconds: step.quietSeconds, byHand: false } };
    default:
      return {};
  }
}
