import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../../src/domain/errors';
import type { TruthReport } from '../contract';
import { BackOff } from './back-off';

/** Changes within this time go out as one report. */
const COALESCE_MS = 20;
/** What did not change is said again after this time, so that a daemon that is gone is noticed. */
const REPEAT_MS = 5_000;
/** Of these repeats, so many may be late before the control plane believes nothing any more. */
const REPEATS_WITHIN_VALIDITY = 4;

export interface TruthReporterOptions {
  observe: () => Omit<TruthReport, 'validSeconds'>;
  post: (report: TruthReport) => Promise<void>;
  signal: AbortSignal;
  log: (line: string) => void;
  /** Milliseconds after which an unchanged report is sent again; 5 s by default. */
  repeatMs?: number;
}

/** Tells the control plane what was observed: soon after each change, until it was taken, and ever again. */
export class TruthReporter {
  private readonly backOff: BackOff;
  private readonly repeatMs: number;
  private repeating: NodeJS.Timeout | undefined;
  private sending: Promise<void> | undefined;
  private wanted = false;
  private lastPosted = '';

  constructor(private readonly options: TruthReporterOptions) {
    this.backOff = new BackOff('report to the control plane', options.log);
    this.repeatMs = options.repeatMs ?? REPEAT_MS;
  }

  /** Something may have changed. */
  changed(): void {
    this.wanted = true;
    this.sending ??= this.send().finally(() => (this.sending = undefined));
  }

  /** Says it again, changed or not: the control plane may have forgotten it, or its time is over. */
  repeat(): void {
    this.lastPosted = '';
    this.changed();
  }

  private async send(): Promise<void> {
    const { signal } = this.options;
    while (this.wanted && !signal.aborted) {
      await pause(COALESCE_MS);
      // Lowered before observing: a change that comes in while the report is under way raises it again.
      this.wanted = false;
      await this.postIfNew();
    }
  }

  private async postIfNew(): Promise<void> {
    const report: TruthReport = {
      ...this.options.observe(),
      validSeconds: (this.repeatMs * REPEATS_WITHIN_VALIDITY) / 1000,
    };
    const text = JSON.stringify(report);
    if (text === this.lastPosted) return;
    try {
      await this.options.post(report);
      this.lastPosted = text;
      this.backOff.succeeded();
      this.repeatLater();
    } catch (problem) {
      this.wanted = true;
      await this.backOff.failed(messageOf(problem), this.options.signal);
    }
  }

  private repeatLater(): void {
    clearTimeout(this.repeating);
    // Once the daemon stops, `send` says nothing any more, and the timer holds no process back.
    this.repeating = setTimeout(() => this.repeat(), this.repeatMs).unref();
  }
}
