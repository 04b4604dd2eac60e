import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../../src/domain/errors';
import type { TruthReport } from '../contract';
import { BackOff } from './back-off';

/** Changes within this time go out as one report. */
const COALESCE_MS = 20;

export interface TruthReporterOptions {
  observe: () => TruthReport;
  post: (report: TruthReport) => Promise<void>;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** Tells the control plane what was observed: soon after each change, and until it was taken. */
export class TruthReporter {
  private readonly backOff: BackOff;
  private sending: Promise<void> | undefined;
  private wanted = false;
  private lastPosted = '';

  constructor(private readonly options: TruthReporterOptions) {
    this.backOff = new BackOff('report to the control plane', options.log);
  }

  /** Something may have changed. */
  changed(): void {
    this.wanted = true;
    this.sending ??= this.send().finally(() => (this.sending = undefined));
  }

  /** The control plane has forgotten what it was told: says it again, changed or not. */
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
    const report = this.options.observe();
    const text = JSON.stringify(report);
    if (text === this.lastPosted) return;
    try {
      await this.options.post(report);
      this.lastPosted = text;
      this.backOff.succeeded();
    } catch (problem) {
      this.wanted = true;
      await this.backOff.failed(messageOf(problem), this.options.signal);
    }
  }
}
