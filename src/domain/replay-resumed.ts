import { takenUpAgain } from './analysis/course';
import { MIGRATION_HALTS } from './migration';
import type { Plan } from './records';
import type { DeploymentState, StepState } from './replay';
import { untouched, update } from './replay-steps';
import type { Step } from './step';
import { shared, type RouteWeights } from './traffic';
import { stepsToUndo } from './undoing';

/** A person decided to go on, so what had stopped the deployment is judged afresh from the world. */
export function goOn(at: number, state: DeploymentState): void {
  beginMigrationAnew(state);
  state.halted = null;
  state.closed = null;
  state.resumedAt = at;
  // Whoever gave no answer may give one by now.
  state.silent = {};
  takeUpAgain(state);
  beginRegionsAnew(state);
  if (state.turnedBack === null) lookAgain(state);
}

/**
 * A migration that halted is begun anew once a person decided to go on. Where its result is not known, that
 * person must have been told so: the deployment closed with it.
 */
function beginMigrationAnew(state: DeploymentState): void {
  const { halted, closed, plan } = state;
  const code = halted?.code;
  const seen =
    code === MIGRATION_HALTS.failed ||
    code === MIGRATION_HALTS.ended ||
    (code === MIGRATION_HALTS.unknown && closed !== null);
  if (!seen) return;
  for (const { id, kind } of plan.steps)
    if (kind === 'migrate' && state.steps[id]?.phase === 'started') state.steps[id] = { ...untouched };
}

/**
 * Regions that went back by themselves are begun anew once they are back altogether. A fleet that was taken down
 * keeps saying so until it is brought up again: nobody is to take that for a change by hand.
 */
function beginRegionsAnew(state: DeploymentState): void {
  const { leaving } = state;
  if (leaving === null || stepsToUndo(state, leaving.regions).length > 0) return;
  state.leaving = null;
  state.plan = fromFormer(state.plan, leaving.regions);
  for (const { id, kind, region } of state.plan.steps) {
    const former = state.steps[id];
    if (former === undefined || !leaving.regions.includes(region) || ONCE_FOR_ALL.has(kind)) continue;
    const cleared = TAKEN_DOWN.has(kind) && former.phase !== 'pending';
    // That weights were written once stays known: whoever goes back later has moved traffic.
    state.steps[id] = { ...untouched, facts: former.facts, ...(cleared && { phase: 'undone' }) };
  }
}

const TAKEN_DOWN: ReadonlySet<Step['kind']> = new Set(['clear-idle', 'apply-idle']);
const ONCE_FOR_ALL: ReadonlySet<Step['kind']> = new Set(['migrate', 'approve']);

/** Weights that a person had left and accepted are gone with the way back: shifts begin at the former ones. */
function fromFormer(plan: Plan, regions: readonly string[]): Plan {
  const former = new Map<string, RouteWeights[]>();
  const steps = plan.steps.map((step): Step => {
    if (step.kind !== 'shift' || step.accepted === undefined || !regions.includes(step.region)) return step;
    const { accepted: _, ...rest } = step;
    const { percent, towards } = rest;
    former.set(step.region, step.from);
    const to =
      percent === undefined
        ? step.to
        : step.to.map((route) => ({ ...route, weights: shared(towards, percent) }));
    return { ...rest, to };
  });
  const found = plan.found?.map((one) => ({ ...one, routes: former.get(one.region) ?? one.routes }));
  return { ...plan, steps, ...(found && { found }) };
}

function takeUpAgain(state: DeploymentState): void {
  for (const step of Object.values(state.steps))
    for (const [check, course] of Object.entries(step.courses ?? {}))
      step.courses = { ...step.courses, [check]: takenUpAgain(course) };
}

/**
 * What was seen before an interruption may be hours old: what only looked, or followed the live fleet, does
 * so again while the shift is still to come. What was put back when the deployment halted is held anew.
 */
function lookAgain(state: DeploymentState): void {
  // An approval that has run out before any traffic moved was not for what is done now.
  const moved = state.plan.steps.some(
    ({ id, kind }) => kind === 'shift' && (state.steps[id]?.phase ?? 'pending') !== 'pending',
  );
  for (const step of state.plan.steps) {
    const phase = state.steps[step.id]?.phase;
    const ahead = ['pending', 'undone'].includes(nextShift(state, step)?.phase ?? '');
    if (step.kind === 'health-gate' && phase === 'verified' && ahead) state.steps[step.id] = { ...untouched };
    if (step.kind === 'approve' && phase === 'verified' && !moved) state.steps[step.id] = { ...untouched };
    if (step.kind === 'follow' && phase === 'verified' && ahead) update(state, step.id, { phase: 'started' });
    holdAnew(state, step);
  }
}

function holdAnew(state: DeploymentState, { id, kind }: Step): void {
  const phase = state.steps[id]?.phase;
  if (kind === 'hold' && phase === 'undone') state.steps[id] = { ...untouched };
  if (kind === 'hold' && (phase === 'undoing' || phase === 'unrestored'))
    update(state, id, { phase: 'started' });
  // What is held anew has to be put back anew.
  if (kind === 'release' && phase === 'ran') update(state, id, { phase: 'started' });
}

/** The shift of the region that a step makes ready for. */
function nextShift({ plan, steps }: DeploymentState, step: Step): StepState | undefined {
  const after = plan.steps.slice(plan.steps.indexOf(step));
  const shift = after.find((one) => one.kind === 'shift' && one.region === step.region);
  return shift === undefined ? undefined : steps[shift.id];
}
