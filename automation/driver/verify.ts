import type { BasculeError } from '../../src/domain/errors';
import { isSafePoint, type Step } from '../../src/domain/step';
import type { StepContext, Verdict } from '../steps/handler';
import { handlerOf } from '../steps/index';
import { isNoAnswer } from './interruptions';
import { LeftOpen } from '../steps/left-open';
import { LOOK_EVERY_MILLISECONDS } from './lookout';
import { fail, halt, settle } from './results';
import type { Run } from './run';
import { patienceFor, unanswered } from './silence';

/** A step that is looked at, and what it may use. */
export interface Watched {
  step: Step;
  context: StepContext;
}

/** How the looking at one step goes on. */
class Watch {
  deadline: number;
  silentSince: number | null = null;

  constructor(readonly watched: Watched) {
    const timeoutSeconds = handlerOf(watched.step).timeoutSeconds(watched.step);
    this.deadline = timeoutSeconds === null ? Infinity : watched.context.countsFrom + timeoutSeconds * 1000;
  }

  get step(): Step {
    return this.watched.step;
  }

  /** Milliseconds until it is to be looked at again. */
  pause(now: number): number {
    const poll = handlerOf(this.step).pollMilliseconds(this.step);
    return this.silentSince === null ? Math.min(poll, this.deadline - now) : poll;
  }
}

/**
 * Looks until the world agrees with every step, the time of one is over, or somebody asks for something else. What
 * becomes of one that failed is decided anew, from the journal, also for those beside it.
 */
export async function verify(run: Run, steps: readonly Watched[]): Promise<void> {
  const { clock } = run.world;
  const recording = oneByOne();
  let left = steps.map((watched) => new Watch(watched));
  for (;;) {
    const first = left[0];
    if (first === undefined) return;
    const regions = left.map(({ step }) => step.region);
    const drift = await run.lookout.drift(run.journal.state, LOOK_EVERY_MILLISECONDS, regions);
    if (drift !== undefined) return halt(run, first.step, drift);
    const round = await lookAtAll(left, recording);
    const open: Watch[] = [];
    for (const { watch, look } of round) {
      if (!(await isOver(run, watch, look))) open.push(watch);
      else if (run.journal.state.steps[watch.step.id]?.phase !== 'verified') return;
    }
    left = open;
    if (left.length === 0 || isLeft(run, first.step)) return;
    if (run.leaveAtApproval && first.step.kind === 'approve')
      throw new LeftOpen(run.journal.state, first.step);
    await waitOrAsked(run, first.step, Math.min(...left.map((watch) => watch.pause(clock.now()))));
    if (isLeft(run, first.step)) return;
  }
}

type Look = Verdict | NoAnswer;

/** All at the same time; those that are done come first, so that the journal has them before another one fails. */
async function lookAtAll(
  left: readonly Watch[],
  recording: OneByOne,
): Promise<{ watch: Watch; look: Look }[]> {
  const looks = await Promise.allSettled(left.map(({ watched }) => lookAt(watched, recording)));
  const round = left.map((watch, index) => {
    const look = looks[index];
    if (look?.status !== 'fulfilled') throw look?.reason;
    return { watch, look: look.value };
  });
  const isDone = ({ look }: { look: Look }): number => (look.kind === 'done' ? 0 : 1);
  return round.sort((one, other) => isDone(one) - isDone(other));
}

/** Records what a look came to; whether the step is looked at no longer. */
async function isOver(run: Run, watch: Watch, look: Look): Promise<boolean> {
  const { step, watched } = watch;
  const { clock } = run.world;
  const { state } = run.journal;
  if (look.kind === 'no-answer') {
    watch.silentSince ??= clock.now();
    // Silence opens no gate, and it is not the release's fault either.
    if (clock.now() - watch.silentSince >= patienceFor(state, step, 'on'))
      return unanswered(run, step, look.error, 'on').then(() => true);
  } else if (look.kind !== 'pending') return settle(run, step, look).then(() => true);
  else if (watch.silentSince !== null) {
    watch.deadline += clock.now() - watch.silentSince;
    watch.silentSince = null;
  }
  const waitingFor = look.kind === 'pending' ? look.waitingFor : `an answer of AWS: ${look.error.message}`;
  run.reporter.say({ kind: 'waiting', step, for: waitingFor, at: clock.now() });
  if (watch.silentSince !== null || clock.now() < watch.deadline) return false;
  await fail(run, step, await handlerOf(step).explainTimeout(step, watched.context, waitingFor));
  return true;
}

type OneByOne = <T>(work: () => Promise<T>) => Promise<T>;

/** Lets work begin once the work before it has ended, as records must that steps write at the same time. */
function oneByOne(): OneByOne {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
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
async function lookAt({ step, context }: Watched, oneAtATime: OneByOne): Promise<Look> {
  let recording = false;
  const record: StepContext['record'] = async (assessments, of) => {
    recording = true;
    await oneAtATime(() => context.record(assessments, of));
    recording = false;
  };
  const hear: StepContext['hear'] = async (of, told) => {
    recording = true;
    await oneAtATime(() => context.hear(of, told));
    recording = false;
  };
  try {
    return await handlerOf(step).verify(step, { ...context, record, hear });
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
