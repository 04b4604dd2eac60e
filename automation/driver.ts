import { decide, type Action } from '../src/domain/decide';
import { BasculeError } from '../src/domain/errors';
import type { Outcome } from '../src/domain/outcome';
import type { Facts, Reason } from '../src/domain/records';
import type { DeploymentState } from '../src/domain/replay';
import { describeStep, isSafePoint, turnsBack, type Step } from '../src/domain/step';
import type { Reporter, World } from '../src/ports';
import type { OpenJournal } from './journaling';
import type { RunResult, StepContext, UndoResult, Verdict } from './steps/handler';
import { handlerOf } from './steps/index';

const NO_ANSWERS = new Set(['BASCULE_AWS_THROTTLED', 'BASCULE_AWS_UNREACHABLE', 'BASCULE_AWS_FAILED']);
/** Without these nothing can be recorded or done: the deployment stays open for `bascule resume`. */
const INTERRUPTIONS = new Set(['BASCULE_DISPLACED', 'BASCULE_AWS_CREDENTIALS', 'BASCULE_JOURNAL_UNREADABLE']);

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

/** A deployment's whole story: decide from the journal, record the intent, perform, record the result. */
export async function drive(deployment: Drive): Promise<Ending> {
  const memory = new Map<string, Map<string, unknown>>();
  for (;;) {
    const state = deployment.journal.state;
    const action = decide(state);
    if (action.kind === 'close') return close(deployment, state, action.outcome, action.reason);
    const stopped = deployment.stop.aborted && stopAt(deployment, state, action);
    if (stopped) await stopped;
    else await perform(deployment, action, contextOf(deployment, state, action.step, memory));
  }
}

async function perform(deployment: Drive, action: Exclude<Action, { kind: 'close' }>, context: StepContext) {
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

async function start(deployment: Drive, step: Step, context: StepContext): Promise<void> {
  const record = await deployment.journal.append({ kind: 'started', step: step.id });
  context.startedAt = record.at;
  deployment.reporter.say({ kind: 'started', step, at: record.at });
  await run(deployment, step, context);
}

async function run(deployment: Drive, step: Step, context: StepContext): Promise<void> {
  const result = await handlerOf(step).run(step, context).catch(asFailure);
  switch (result.kind) {
    case 'ran':
      await deployment.journal.append({ kind: 'ran', step: step.id, facts: result.facts });
      return;
    case 'failed':
      return fail(deployment, step, result.reason);
    case 'halt':
      return halt(deployment, step, result.reason);
  }
}

/** A step whose intent is recorded and whose result is not: the world may already be as it should. */
async function recover(deployment: Drive, step: Step, context: StepContext): Promise<void> {
  deployment.reporter.say({ kind: 'note', text: `looking at what became of: ${describeStep(step)}` });
  const verdict = await handlerOf(step).verify(step, context).catch(asNoAnswer);
  if (verdict.kind === 'pending') return run(deployment, step, { ...context, recovering: true });
  return settle(deployment, step, verdict);
}

async function verify(deployment: Drive, step: Step, context: StepContext): Promise<void> {
  const handler = handlerOf(step);
  const { clock } = context.world;
  const timeoutSeconds = handler.timeoutSeconds(step);
  const deadline = timeoutSeconds === null ? Infinity : context.startedAt + timeoutSeconds * 1000;
  for (;;) {
    const verdict = await handler.verify(step, context).catch(asNoAnswer);
    if (verdict.kind !== 'pending') return settle(deployment, step, verdict);
    deployment.reporter.say({ kind: 'waiting', step, for: verdict.waitingFor, at: clock.now() });
    if (clock.now() >= deadline)
      return fail(deployment, step, await handler.explainTimeout(step, context, verdict.waitingFor));
    if (deployment.stop.aborted && isSafePoint(step)) return;
    const wake = isSafePoint(step) ? deployment.stop : undefined;
    await clock.wait(Math.min(handler.pollMilliseconds(step), deadline - clock.now()), wake);
  }
}

async function settle(
  deployment: Drive,
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
      return halt(deployment, step, verdict.reason);
  }
}

async function fail(deployment: Drive, step: Step, reason: Reason): Promise<void> {
  if (!turnsBack(step)) return halt(deployment, step, reason);
  const record = await deployment.journal.append({ kind: 'failed', step: step.id, reason });
  deployment.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

async function halt(deployment: Drive, step: Step | null, reason: Reason): Promise<void> {
  const record = await deployment.journal.append({ kind: 'halted', step: step?.id ?? null, reason });
  if (step !== null) deployment.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

async function undo(deployment: Drive, step: Step, context: StepContext): Promise<void> {
  const record = await deployment.journal.append({ kind: 'undoStarted', step: step.id });
  deployment.reporter.say({ kind: 'undoing', step, at: record.at });
  const result: UndoResult = await handlerOf(step).undo(step, context);
  if (result.kind === 'halt') return halt(deployment, step, result.reason);
  const facts: Facts = { ...(result.note === '' ? {} : { note: result.note }), ...result.facts };
  const undone = await deployment.journal.append({ kind: 'undone', step: step.id, facts });
  deployment.reporter.say({ kind: 'undone', step, at: undone.at, note: result.note });
}

/** What the stacks refuse is an outcome of the step; losing the journal or the credentials is not. */
function asFailure(thrown: unknown): RunResult {
  if (!(thrown instanceof BasculeError) || INTERRUPTIONS.has(thrown.code)) throw thrown;
  const { code, message, details } = thrown;
  return { kind: 'failed', reason: { code, message, details } };
}

/** A read that AWS did not answer keeps a gate shut until its deadline; it never opens one. */
function asNoAnswer(thrown: unknown): Verdict {
  if (!(thrown instanceof BasculeError) || !NO_ANSWERS.has(thrown.code)) throw thrown;
  return { kind: 'pending', waitingFor: `an answer of AWS: ${thrown.message}` };
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
function stopAt(deployment: Drive, state: DeploymentState, action: Action): Promise<void> | false {
  if (action.kind === 'undo' || action.kind === 'close' || state.turnedBack !== null) return false;
  const begun = action.kind !== 'start';
  if (begun && !isSafePoint(action.step)) return false;
  const where = `${begun ? 'during' : 'before'}: ${describeStep(action.step)}`;
  const reason = { code: 'BASCULE_STOPPED', message: `Stopped on request ${where}.`, details: [] };
  if (shiftBegan(state) || state.plan.purpose === 'retire') return halt(deployment, null, reason);
  return deployment.journal.append({ kind: 'rollbackRequested', reason }).then(() => undefined);
}

function shiftBegan(state: DeploymentState): boolean {
  return state.plan.steps.some((step) => step.kind === 'shift' && state.steps[step.id]?.startedAt !== null);
}

function closingMessage(state: DeploymentState, outcome: Outcome, reason: Reason | null): string {
  const { plan } = state;
  const why = reason === null ? '' : ` ${reason.message}`;
  const former = plan.formerVersion ?? 'no release';
  switch (outcome) {
    case 'succeeded':
      if (plan.purpose === 'retire') return `${plan.environment}: the idle colour is retired.`;
      return `${plan.environment} runs ${plan.version}.`;
    case 'failed':
      return `${plan.environment} still runs ${former}; no traffic was moved.${why}`;
    case 'rolled-back':
      return `${plan.environment} is back on ${former}.${why}`;
    case 'halted':
      return `Halted for a person; traffic stays where it is.${why}`;
  }
}

function contextOf(
  deployment: Drive,
  state: DeploymentState,
  step: Step,
  memory: Map<string, Map<string, unknown>>,
): StepContext {
  const own = memory.get(step.id) ?? new Map<string, unknown>();
  memory.set(step.id, own);
  return {
    world: deployment.world,
    region: deployment.world.region(step.region),
    plan: state.plan,
    startedAt: state.steps[step.id]?.startedAt ?? deployment.world.clock.now(),
    openedAt: state.openedAt,
    recovering: false,
    memory: own,
  };
}
