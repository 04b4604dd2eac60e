import type { BasculeError } from '../../src/domain/errors';
import { isSafePoint, type Step } from '../../src/domain/step';
import type { StepContext, Verdict } from '../steps/handler';
import { handlerOf } from '../steps/index';
import { isNoAnswer, PATIENCE_MILLISECONDS } from './interruptions';
import { LOOK_EVERY_MILLISECONDS } from './lookout';
import { fail, halt, settle } from './results';
import type { Run } from './run';

/** Looks until the world agrees with a step, its time is over, or somebody asks for something else. */
export async function verify(run: Run, step: Step, context: StepContext): Promise<void> {
  const handler = handlerOf(step);
  const { clock } = context.world;
  const timeoutSeconds = handler.timeoutSeconds(step);
  let deadline = timeoutSeconds === null ? Infinity : context.countsFrom + timeoutSeconds * 1000;
  let silentSince: number | null = null;
  for (;;) {
    const drift = await run.lookout.drift(run.journal.state, LOOK_EVERY_MILLISECONDS);
    if (drift !== undefined) return halt(run, step, drift);
    const look = await lookAt(step, context);
    if (look.kind === 'no-answer') {
      silentSince ??= clock.now();
      // Silence opens no gate, and it is not the release's fault either.
      if (clock.now() - silentSince >= PATIENCE_MILLISECONDS) throw look.error;
    } else if (look.kind !== 'pending') return settle(run, step, look);
    else if (silentSince !== null) {
      deadline += clock.now() - silentSince;
      silentSince = null;
    }
    const waitingFor = look.kind === 'pending' ? look.waitingFor : `an answer of AWS: ${look.error.message}`;
    run.reporter.say({ kind: 'waiting', step, for: waitingFor, at: clock.now() });
    if (silentSince === null && clock.now() >= deadline)
      return fail(run, step, await handler.explainTimeout(step, context, waitingFor));
    if (isLeft(run, step)) return;
    const poll = handler.pollMilliseconds(step);
    await waitOrAsked(run, step, silentSince === null ? Math.min(poll, deadline - clock.now()) : poll);
    if (isLeft(run, step)) return;
  }
}

/** Whether a person asked to stop or to go back, at a step that may be left while it waits. */
function isLeft({ stop, journal }: Run, step: Step): boolean {
  return isSafePoint(step) && (stop.aborted || journal.state.turnedBack !== null);
}

/** Waits, and takes up what is asked meanwhile; comes back early when something was. */
export async function waitOrAsked(run: Run, step: Step, milliseconds: number): Promise<void> {
  const { clock } = run.world;
  const wake = isSafePoint(step) ? run.stop : undefined;
  const until = clock.now() + milliseconds;
  do await clock.wait(Math.min(until - clock.now(), run.inbox.dueIn), wake);
  while (!(await run.inbox.take()) && clock.now() < until && wake?.aborted !== true);
}

/** Silence about the world is waited out; a record that nobody knows to be written stops the deployment. */
async function lookAt(step: Step, context: StepContext): Promise<Verdict | NoAnswer> {
  let recording = false;
  const record: StepContext['record'] = async (assessments, of) => {
    recording = true;
    await context.record(assessments, of);
    recording = false;
  };
  try {
    return await handlerOf(step).verify(step, { ...context, record });
  } catch (thrown) {
    if (recording) throw thrown;
    return asNoAnswer(thrown);
  }
}

interface NoAnswer {
  kind: 'no-answer';
  error: BasculeError;
}

/** A read that AWS did not answer keeps a gate shut; it never opens one. */
function asNoAnswer(thrown: unknown): NoAnswer {
  if (isNoAnswer(thrown)) return { kind: 'no-answer', error: thrown };
  throw thrown;
}
