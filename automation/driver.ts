import { cutoverBegan, decide, type Action } from '../src/domain/decide';
import { BasculeError } from '../src/domain/errors';
import type { Outcome } from '../src/domain/outcome';
import { durationsSoFar } from '../src/domain/preview/durations';
import type { Facts, Reason } from '../src/domain/records';
import type { DeploymentState } from '../src/domain/replay';
import { watchesTraffic } from '../src/domain/shifts';
import { describeStep, isSafePoint, type Step } from '../src/domain/step';
import { heldSteps } from '../src/domain/undoing';
import { closingText } from './driver/closing';
import { interrupts, isNoAnswer, patiently } from './driver/interruptions';
import { Lookout, LOOK_EVERY_MILLISECONDS } from './driver/lookout';
import { ASK_EVERY_MILLISECONDS, Inbox } from './driver/requests';
import { assessed, heard, fail, halt, haltExplained, settle } from './driver/results';
import type { Drive, Ending, Run } from './driver/run';
import { patienceFor, unanswered, type Way } from './driver/silence';
import { verify, waitOrAsked, type Watched } from './driver/verify';
import type { RunResult, StepContext, UndoResult, Verdict } from './steps/handler';
import { handlerOf } from './steps/index';

export type { Drive, Ending } from './driver/run';

/** How old a look may be when a step begins: steps that end at once follow one another faster than this. */
const FRESH_MILLISECONDS = 1000;

/** A deployment's whole story: decide from the journal, record the intent, perform, record the result. */
export async function drive(deployment: Drive): Promise<Ending> {
  const run = runOf(deployment);
  for (;;) {
    const { state, action } = await whatNext(run);
    if (action.kind === 'close') return close(run, state, action.outcome, action.reason);
    if (action.kind === 'halt') {
      await halt(run, null, action.reason);
      continue;
    }
    const stopped = run.stop.aborted && stopAt(run, state, action);
    if (stopped) await stopped;
    else if (!(await haltedByDrift(run, state, action)) && !(await pausedBefore(run, state, action)))
      await performAlone(run, action, state);
  }
}

/** What is done with a step. */
type Doing = Exclude<Action, { kind: 'close' | 'halt' }>;

/** What the journal says comes next, once everything that people asked is in it; nothing keeps the way back. */
async function whatNext(run: Run): Promise<{ state: DeploymentState; action: Action }> {
  for (;;) {
    const state = run.journal.state;
    const action = decide(state);
    const forward = action.kind === 'start' || action.kind === 'recover' || action.kind === 'verify';
    const maximumAge = action.kind === 'start' ? 0 : ASK_EVERY_MILLISECONDS;
    if (!forward || !(await run.inbox.take(maximumAge))) return { state, action };
  }
}

/** While a person has said `pause` no further step begins, except for one that watches traffic which has moved. */
async function pausedBefore(run: Run, { paused }: DeploymentState, action: Doing): Promise<boolean> {
  if (paused === null || action.kind !== 'start' || watchesTraffic(action.step)) return false;
  const { step } = action;
  const text = `\`bascule advance\`: paused by ${paused.by.user} on ${paused.by.host}`;
  run.reporter.say({ kind: 'waiting', step, for: text, at: run.world.clock.now() });
  await waitOrAsked(run, step, ASK_EVERY_MILLISECONDS);
  return true;
}

/** Puts back what is held and goes no further, so that the world can be planned for as it is by itself. */
export async function restoreHeld(deployment: Drive): Promise<void> {
  const run = runOf(deployment);
  for (;;) {
    const state = run.journal.state;
    const step = heldSteps(state)[0];
    if (step === undefined || state.halted !== null) return;
    await undoOnce(run, step, contextOf(run, state, step));
  }
}

function runOf(deployment: Drive): Run {
  const { world } = deployment;
  return { ...deployment, lookout: new Lookout(world), inbox: new Inbox(deployment), memory: new Map() };
}

async function haltedByDrift(run: Run, state: DeploymentState, action: Doing): Promise<boolean> {
  if (action.kind === 'undo') return false;
  // Right before the fleets are held there is no older look to rely on: what is found is what is put back.
  const waits = action.kind === 'verify' || state.paused !== null;
  const age = waits ? LOOK_EVERY_MILLISECONDS : FRESH_MILLISECONDS;
  const drift = await run.lookout.drift(state, action.step.kind === 'hold' ? 0 : age, [action.step.region]);
  if (drift === undefined) return false;
  await halt(run, action.step, drift);
  return true;
}

/** Whatever a step began beside its own work, such as a check command, ends with it. */
async function performAlone(run: Run, action: Doing, state: DeploymentState): Promise<void> {
  const leaving = new AbortController();
  const watched = (step: Step): Watched => ({
    step,
    context: { ...contextOf(run, state, step), left: leaving.signal },
  });
  await perform(run, action, watched).finally(() => leaving.abort());
}

async function perform(deployment: Run, action: Doing, watched: (step: Step) => Watched): Promise<void> {
  const { step, context } = watched(action.step);
  switch (action.kind) {
    case 'start':
      return start(deployment, step, context);
    case 'recover':
      return recover(deployment, step, context);
    case 'verify':
      return verify(deployment, [step, ...action.beside].map(watched));
    case 'undo':
      return undo(deployment, step, context);
  }
}

async function start(deployment: Run, step: Step, context: StepContext): Promise<void> {
  const handler = handlerOf(step);
  const intent = await untilAnswered(deployment, step, 'on', async () => handler.intend?.(step, context));
  if (intent === NO_ANSWER) return;
  const facts = intent;
  const record = await deployment.journal.append({ kind: 'started', step: step.id, ...(facts && { facts }) });
  deployment.reporter.say({ kind: 'started', step, at: record.at });
  await run(deployment, step, { ...context, startedAt: record.at, facts: facts ?? {} });
}

async function run(deployment: Run, step: Step, context: StepContext): Promise<void> {
  let attempts = 0;
  // After half a step without an answer, what is found may be the step's own doing.
  const work = () => handlerOf(step).run(step, attempts++ === 0 ? context : { ...context, recovering: true });
  const result = await untilAnswered(deployment, step, 'on', work).catch(asFailure);
  if (result === NO_ANSWER) return;
  switch (result.kind) {
    case 'ran':
      await deployment.journal.append({ kind: 'ran', step: step.id, facts: result.facts });
      return;
    case 'failed':
      return fail(deployment, step, result.reason);
    case 'halt':
      return haltExplained(deployment, step, result.reason);
  }
}

/** What a look at a step without a result tells a person. */
const FOUND: Record<Verdict['kind'], string> = {
  done: 'it is found done, and adopted',
  pending: 'it is found not done, and is done again',
  failed: 'it is found failed',
  halt: 'what is found is nobody’s doing here',
};

/** A step whose intent is recorded and whose result is not: the world may already be as it should. */
async function recover(deployment: Run, step: Step, context: StepContext): Promise<void> {
  const handler = handlerOf(step);
  const note = (found: string): void =>
    deployment.reporter.say({
      kind: 'note',
      text: `${describeStep(step)} [${step.region}] was begun, its result is not recorded: ${found}`,
    });
  const again = { ...context, recovering: true };
  if (handler.recovery === 'repeat') {
    note('it is done again');
    return run(deployment, step, again);
  }
  const verdict = await untilAnswered(deployment, step, 'on', () => handler.verify(step, context));
  if (verdict === NO_ANSWER) return;
  note(FOUND[verdict.kind]);
  if (verdict.kind === 'pending') return run(deployment, step, again);
  return settle(deployment, step, verdict);
}

async function undo(deployment: Run, step: Step, context: StepContext): Promise<void> {
  return undoOnce(deployment, step, context, (work) => untilAnswered(deployment, step, 'back', work));
}

type Asking = (work: () => Promise<UndoResult>) => Promise<UndoResult | typeof NO_ANSWER>;

/** By itself it ends with the first answer that does not come. */
async function undoOnce(
  deployment: Run,
  step: Step,
  context: StepContext,
  asking: Asking = (work) => work(),
): Promise<void> {
  const record = await deployment.journal.append({ kind: 'undoStarted', step: step.id });
  deployment.reporter.say({ kind: 'undoing', step, at: record.at });
  const result = await asking(() => handlerOf(step).undo(step, context)).catch(asHalt);
  if (result === NO_ANSWER) return;
  if (result.kind === 'halt') return leaveUndone(deployment, step, result.reason);
  const facts: Facts = { ...(result.note === '' ? {} : { note: result.note }), ...result.facts };
  const undone = await deployment.journal.append({ kind: 'undone', step: step.id, facts });
  deployment.reporter.say({ kind: 'undone', step, at: undone.at, note: result.note });
}

/** What is held is put back before a deployment closes: where that fails, only a person can go on. */
async function leaveUndone(deployment: Run, step: Step, reason: Reason): Promise<void> {
  if (step.kind !== 'hold') return halt(deployment, step, reason);
  const record = await deployment.journal.append({ kind: 'unrestored', step: step.id, reason });
  deployment.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

/** There was no answer to the end, and the journal says so. */
const NO_ANSWER = Symbol('no answer');

async function untilAnswered<T>(
  deployment: Run,
  step: Step,
  way: Way,
  work: () => Promise<T>,
): Promise<T | typeof NO_ANSWER> {
  const { world, stop, journal } = deployment;
  const { clock } = world;
  const waits = (text: string): void =>
    deployment.reporter.say({ kind: 'waiting', step, for: text, at: clock.now() });
  const milliseconds = patienceFor(journal.state, step, way);
  try {
    return await patiently({ milliseconds, clock, stop, waits }, work);
  } catch (thrown) {
    if (!isNoAnswer(thrown)) throw thrown;
    await unanswered(deployment, step, thrown, way);
    return NO_ANSWER;
  }
}

/** What the stacks refuse is an outcome of the step; losing the journal or the credentials is not. */
function asFailure(thrown: unknown): RunResult {
  return { kind: 'failed', reason: reasonOf(thrown) };
}

function asHalt(thrown: unknown): UndoResult {
  return { kind: 'halt', reason: reasonOf(thrown) };
}

function reasonOf(thrown: unknown): Reason {
  if (!(thrown instanceof BasculeError) || interrupts(thrown)) throw thrown;
  const { code, message, details } = thrown;
  return { code, message, details };
}

async function close(
  deployment: Drive,
  state: DeploymentState,
  outcome: Outcome,
  reason: Reason | null,
): Promise<Ending> {
  const message = await closingText(deployment.world, state, outcome, reason);
  const durations = outcome === 'succeeded' ? durationsSoFar(state) : undefined;
  const record = await deployment.journal.append({
    kind: 'closed',
    outcome,
    message,
    ...(durations && { durations }),
  });
  deployment.reporter.say({ kind: 'closed', outcome, message, at: record.at });
  return { outcome, message, reason };
}

/** A request to stop: before the cutover the way back is taken; after it traffic stays and a person decides. */
function stopAt(deployment: Run, state: DeploymentState, action: Doing): Promise<void> | false {
  if (action.kind === 'undo' || state.turnedBack !== null) return false;
  const begun = action.kind !== 'start';
  if (begun && !isSafePoint(action.step)) return false;
  const where = `${begun ? 'during' : 'before'}: ${describeStep(action.step)}`;
  const reason = { code: 'BASCULE_STOPPED', message: `Stopped on request ${where}.`, details: [] };
  if (cutoverBegan(state) || state.plan.purpose === 'retire') return halt(deployment, null, reason);
  return deployment.journal.append({ kind: 'rollbackRequested', reason }).then(() => undefined);
}

function contextOf(deployment: Run, state: DeploymentState, step: Step): StepContext {
  const { world, memory, insistence, displaced, log, holder, approvals } = deployment;
  const own = memory.get(step.id) ?? new Map<string, unknown>();
  memory.set(step.id, own);
  const startedAt = state.steps[step.id]?.startedAt ?? world.clock.now();
  return {
    world,
    region: world.region(step.region),
    plan: state.plan,
    startedAt,
    countsFrom: Math.max(startedAt, state.resumedAt ?? 0),
    openedAt: state.openedAt,
    facts: state.steps[step.id]?.facts ?? {},
    factsOf: (id) => state.steps[id]?.facts ?? {},
    recovering: false,
    state: () => deployment.journal.state,
    approvals,
    hear: (of, told) => heard(deployment, of, told),
    record: (assessments, of = step) => assessed(deployment, of, assessments),
    left: deployment.stop,
    insistence,
    displaced,
    log,
    holder,
    memory: own,
  };
}
