import { describeStep, isSafePoint, type Step } from '../../src/domain/step';
import type { Message, Reporter } from '../../src/ports';

export interface Stopping {
  signal: AbortSignal;
  reporter: Reporter;
  /** Takes the handlers away again. */
  close(): void;
}

/**
 * The first Ctrl-C or SIGTERM asks the driver to stop at its next safe point, and says which; the second
 * ends the process at once and leaves the journal open for `bascule resume`.
 */
export function stopOnSignals(reporter: Reporter): Stopping {
  const controller = new AbortController();
  let current: Step | undefined;
  const watching: Reporter = {
    say(message: Message) {
      if (message.kind === 'started' || message.kind === 'undoing') current = message.step;
      if (message.kind === 'done' || message.kind === 'undone' || message.kind === 'failed')
        current = undefined;
      reporter.say(message);
    },
  };
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      process.stderr.write(
        '\nStopped at once. The journal is open: `bascule resume` goes on, `bascule abort` goes back.\n',
      );
      process.exit(5);
    }
    reporter.say({
      kind: 'note',
      text: `Stopping at the next safe point: ${nextSafePoint(current)}. Ctrl-C again stops at once.`,
    });
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    reporter: watching,
    close() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

function nextSafePoint(step: Step | undefined): string {
  if (step === undefined) return 'now, before the next step';
  if (isSafePoint(step)) return `in this step as soon as it waits (${describeStep(step)})`;
  return `after this step, once all routes are read back (${describeStep(step)})`;
}

/** Runs something short before a signal ends the process, for commands that have nothing to bring to an end. */
export function beforeSignalsEnd(work: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      // Nobody listens any more: it ends the process as if nobody ever had.
      const end = (): boolean => process.kill(process.pid, signal);
      work().then(end, end);
    });
  }
}
