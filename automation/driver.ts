import { decide, heldSteps, mayHaveMoved, type Action } from '../src/domain/decide';
import { BasculeError } from '../src/domain/errors';
import type { Outcome } from '../src/domain/outcome';
import type { Facts, Reason } from '../src/domain/records';
import type { DeploymentState } from '../src/domain/replay';
import { describeStep, isSafePoint, turnsBack, type Step } from '../src/domain/step';
import type { Reporter, World } from '../src/ports';
import { closingMessage } from './driver/closing';
import type { OpenJournal } from './journaling';
import { interrupts, isNoAnswer, patiently, PATIENCE_MILLISECONDS } from './driver/interruptions';
import { Lookout, LOOK_EVERY_MILLISECONDS } from './driver/lookout';
import type { RunResult, StepContext, UndoResult, Verdict } from './steps/handler';
import { handlerOf } from './steps/index';

/** How old a look may be when a step begins: steps that end at once follow one another faster than this. */
const FRESH_MILLISECONDS = 1000;

export interface Drive {
  world: World;
  journal: OpenJournal;
  reporter: Reporter;
  /** Aborted when a person asks to stop; honoured at the next safe point. */
  stop: AbortSignal;
}

export interface Ending {
  outcome: Outcome;
  message: string;
  reason: Reason | null;
}

/** One process's work on a deployment, with what it keeps in mind for as long as it lives. */
interface Run extends Drive {
  lookout: Lookout;
  memory: Map<string, Map<string, unknown>>;
}

/** A deployment's whole story: decide from the journal, record the intent, perform, record the result. */
export async function drive(deployment: Drive): Promise<Ending> {
  const run = runOf(deployment);
  for (;;) {
    const state = run.journal.state;
    const action = decide(state);
    if (action.kind === 'close') return close(run, state, action.outcome, action.reason);
    const stopped = run.stop.aborted && stopAt(run, state, action);
    if (stopped) await stopped;
    else if (!(await haltedByDrift(run, state, action)))
      await perform(run, action, contextOf(run, state, action.step));
  }
}

/** Puts back what is held and goes no further, so that the world can be planned for as it is by itself. */
export async function restoreHeld(deployment: Drive): Promise<void> {
  const run = runOf(deployment);
  for (;;) {
    const state = run.journal.state;
    const step = heldSteps(state)[0];
    if (step === undefined || state.halted !== null) return;
    await undo(run, step, contextOf(run, state, step));
  }
}

function runOf(deployment: Drive): Run {
  return { ...deployment, lookout: new Lookout(deployment.world), memory: new Map() };
}

async function haltedByDrift(run: Run, state: DeploymentState, action: Action): Promise<boolean> {
  if (action.kind === 'close' || action.kind === 'undo') return false;
  // Right before the fleets are held there is no older look to rely on: what is found is what is put back.
  const age = action.kind === 'verify' ? LOOK_EVERY_MILLISECONDS : FRESH_MILLISECONDS;
  const drift = await run.lookout.drift(state, action.step.kind === 'hold' ? 0 : age);
  if (drift === undefined) return false;
  await halt(run, action.step, drift);
  return true;
}

async function perform(deployment: Run, action: Exclude<Action, { kind: 'close' }>, context: StepContext) {
  switch (action.kind) {
    case 'start':
      return start(deployment, action.step, context);
    case 'recover':
      return recover(deployment, action.step, context);
    case 'verify':
      return verify(deployment, action.step, context);
    case 'undo':
      return undo(deployment, action.step, context);
  }
}

async function start(deployment: Run, step: Step, context: StepContext): Promise<void> {
  const handler = handlerOf(step);
  const facts = await untilAnswered(deployment, step, async () => handler.intend?.(step, context));
  const record = await deployment.journal.append({ kind: 'started', step: step.id, ...(facts && { facts }) });
  deployment.reporter.say({ kind: 'started', step, at: record.at });
  await run(deployment, step, { ...context, startedAt: record.at, facts: facts ?? {} });
}

async function run(deployment: Run, step: Step, context: StepContext): Promise<void> {
  let attempts = 0;
  // After half a step without an answer, what is found may be the step's own doing.
  const work = () => handlerOf(step).run(step, attempts++ === 0 ? context : { ...context, recovering: true });
  const result = await untilAnswered(deployment, step, work).catch(asFailure);
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
  const verdict = await untilAnswered(deployment, step, () => handler.verify(step, context));
  note(FOUND[verdict.kind]);
  if (verdict.kind === 'pending') return run(deployment, step, again);
  return settle(deployment, step, verdict);
}

async function verify(deployment: Run, step: Step, context: StepContext): Promise<void> {
  const handler = handlerOf(step);
  const { clock } = context.world;
  const timeoutSeconds = handler.timeoutSeconds(step);
  let deadline = timeoutSeconds === null ? Infinity : context.countsFrom + timeoutSeconds * 1000;
  let silentSince: number | null = null;
  for (;;) {
    const drift = await deployment.lookout.drift(deployment.journal.state, LOOK_EVERY_MILLISECONDS);
    if (drift !== undefined) return halt(deployment, step, drift);
    const look = await handler.verify(step, context).catch(asNoAnswer);
    if (look.kind === 'no-answer') {
      silentSince ??= clock.now();
      // Silence opens no gate, and it is not the release's fault either.
      if (clock.now() - silentSince >= PATIENCE_MILLISECONDS) throw look.error;
    } else if (look.kind !== 'pending') return settle(deployment, step, look);
    else if (silentSince !== null) {
      deadline += clock.now() - silentSince;
      silentSince = null;
    }
    const waitingFor = look.kind === 'pending' ? look.waitingFor : `an answer of AWS: ${look.error.message}`;
    deployment.reporter.say({ kind: 'waiting', step, for: waitingFor, at: clock.now() });
    if (silentSince === null && clock.now() >= deadline)
      return fail(deployment, step, await handler.explainTimeout(step, context, waitingFor));
    if (deployment.stop.aborted && isSafePoint(step)) return;
    const wake = isSafePoint(step) ? deployment.stop : undefined;
    const poll = handler.pollMilliseconds(step);
    await clock.wait(silentSince === null ? Math.min(poll, deadline - clock.now()) : poll, wake);
  }
}

async function settle(
  deployment: Run,
  step: Step,
  verdict: Exclude<Verdict, { kind: 'pending' }>,
): Promise<void> {
  switch (verdict.kind) {
    case 'done': {
      const record = await deployment.journal.append({
        kind: 'verified',
        step: step.id,
        facts: verdict.facts,
      });
      deployment.reporter.say({ kind: 'done', step, at: record.at, note: verdict.note });
      return;
    }
    case 'failed':
      return fail(deployment, step, verdict.reason);
    case 'halt':
      return haltExplained(deployment, step, verdict.reason);
  }
}

async function fail(deployment: Run, step: Step, reason: Reason): Promise<void> {
  if (!turnsBack(step)) return halt(deployment, step, reason);
  const record = await deployment.journal.append({ kind: 'failed', step: step.id, reason });
  deployment.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

async function halt(deployment: Run, step: Step | null, reason: Reason): Promise<void> {
  const record = await deployment.journal.append({ kind: 'halted', step: step?.id ?? null, reason });
  if (step !== null) deployment.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

/** A step that refuses to go on may only have met what somebody else changed: then both states are shown. */
async function haltExplained(deployment: Run, step: Step, reason: Reason): Promise<void> {
  const drift = await deployment.lookout.drift(deployment.journal.state, 0);
  return halt(deployment, step, drift ?? reason);
}

async function undo(deployment: Run, step: Step, context: StepContext): Promise<void> {
  const record = await deployment.journal.append({ kind: 'undoStarted', step: step.id });
  deployment.reporter.say({ kind: 'undoing', step, at: record.at });
  const work = () => handlerOf(step).undo(step, context);
  const result = await untilAnswered(deployment, step, work).catch(asHalt);
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

function untilAnswered<T>(deployment: Run, step: Step, work: () => Promise<T>): Promise<T> {
  const { clock } = deployment.world;
  const waits = (text: string): void =>
    deployment.reporter.say({ kind: 'waiting', step, for: text, at: clock.now() });
  return patiently({ clock, stop: deployment.stop, waits }, work);
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

/** A read that AWS did not answer keeps a gate shut; it never opens one. */
function asNoAnswer(thrown: unknown): { kind: 'no-answer'; error: BasculeError } {
  if (isNoAnswer(thrown)) return { kind: 'no-answer', error: thrown };
  throw thrown;
}

async function close(
  deployment: Drive,
  state: DeploymentState,
  outcome: Outcome,
  reason: Reason | null,
): Promise<Ending> {
  const message = closingMessage(state, outcome, reason);
  const record = await deployment.journal.append({ kind: 'closed', outcome, message });
  deployment.reporter.say({ kind: 'closed', outcome, message, at: record.at });
  return { outcome, message, reason };
}

/** A request to stop: before the cutover the way back is taken; after it traffic stays and a person decides. */
function stopAt(deployment: Run, state: DeploymentState, action: Action): Promise<void> | false {
  if (action.kind === 'undo' || action.kind === 'close' || state.turnedBack !== null) return false;
  const begun = action.kind !== 'start';
  if (begun && !isSafePoint(action.step)) return false;
  const where = `${begun ? 'during' : 'before'}: ${describeStep(action.step)}`;
  const reason = { code: 'BASCULE_STOPPED', message: `Stopped on request ${where}.`, details: [] };
  if (mayHaveMoved(state) || state.plan.purpose === 'retire') return halt(deployment, null, reason);
  return deployment.journal.append({ kind: 'rollbackRequested', reason }).then(() => undefined);
}

function contextOf(deployment: Run, state: DeploymentState, step: Step): StepContext {
  const { world, memory } = deployment;
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
    memory: own,
  };
}
