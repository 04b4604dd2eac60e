import { constants } from 'node:os';
import { describeStep, isSafePoint, type Step } from '../../src/domain/step';
import type { Insistence, Message, Reporter } from '../../src/ports';

export interface Stopping {
  signal: AbortSignal;
  insistence: Insistence;
  reporter: Reporter;
  /** Takes the handlers away again. */
  close(): void;
}

/** What is ended in place of the process. */
class Insisted implements Insistence {
  private readonly underWay = new Set<AbortController>();

  async during<T>(work: (ended: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.underWay.add(controller);
    return work(controller.signal).finally(() => this.underWay.delete(controller));
  }

  get isBusy(): boolean {
    return this.underWay.size > 0;
  }

  /** Whether there was anything to end that was not asked to end before. */
  end(): boolean {
    const open = [...this.underWay].filter(({ signal }) => !signal.aborted);
    for (const controller of open) controller.abort();
    return open.length > 0;
  }
}

/**
 * The first Ctrl-C or SIGTERM asks the driver to stop at its next safe point, and says which. The second ends a
 * migration that runs, which the journal then tells; otherwise, and the third in any case, the process at once,
 * and leaves the journal open for `bascule resume`.
 */
export function stopOnSignals(reporter: Reporter): Stopping {
  const controller = new AbortController();
  const insistence = new Insisted();
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
      if (insistence.end()) {
        reporter.say({ kind: 'note', text: 'Ending the migration; Ctrl-C again stops at once.' });
        return;
      }
      process.stderr.write(
        '\nStopped at once. The journal is open: `bascule resume` goes on, `bascule abort` goes back.\n',
      );
      process.exit(5);
    }
    reporter.say({
      kind: 'note',
      text: insistence.isBusy
        ? 'Stopping at the next safe point: once the migration has ended. Ctrl-C again ends it.'
        : `Stopping at the next safe point: ${nextSafePoint(current)}. Ctrl-C again stops at once.`,
    });
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    insistence,
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

/** With nothing else to wait for, the process would have come to its ordinary end before the signal is heard. */
const LATEST_END_MILLISECONDS = 2_000;

/** Runs something short before a signal ends the process, for commands that have nothing to bring to an end. */
export function beforeSignalsEnd(work: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      const end = (): void => {
        // Ends the process as if nobody had ever listened; where a library still does, once that has sent it again.
        process.kill(process.pid, signal);
        setTimeout(() => process.exit(128 + constants.signals[signal]), LATEST_END_MILLISECONDS);
      };
      work().then(end, end);
    });
  }
}
