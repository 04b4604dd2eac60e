import type { BakeEvent } from '../../../src/domain/bake-progress';
import { isInteractive, type Terminal } from './terminal';

/** How a bake goes, for a person. */
export interface BakeReporter {
  tell(event: BakeEvent): void;
  /** Nothing more comes: the step under way, if there is one, ended like this. */
  close(well: boolean): void;
}

interface Step {
  title: string;
  began: number;
}

function took({ began }: Step): string {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`;
}

function done(step: Step, note: string): string {
  return `${step.title} (${took(step)})${note === '' ? '' : `: ${note}`}`;
}

/** Which step is under way, and how it ended; how that is shown is for those below. */
abstract class BakeSteps implements BakeReporter {
  protected step: Step | undefined;

  tell(event: BakeEvent): void {
    switch (event.kind) {
      case 'step':
        this.end(true, '');
        this.step = { title: event.title, began: Date.now() };
        return this.showBegun(event.title);
      case 'done':
        return this.end(event.failed !== true, event.note);
      case 'note':
        return this.showNote(event.text);
      case 'failed':
        return this.close(false);
      case 'begun':
        return;
    }
  }

  close(well: boolean): void {
    this.end(well, '');
  }

  protected abstract showBegun(title: string): void;
  protected abstract showNote(text: string): void;
  protected abstract showEnded(well: boolean, text: string): void;

  private end(well: boolean, note: string): void {
    if (this.step !== undefined) this.showEnded(well, done(this.step, note));
    this.step = undefined;
  }
}

/** Plain lines with times: for CI logs and for terminals that are not interactive. */
export class BakeLines extends BakeSteps {
  constructor(private readonly terminal: Terminal) {
    super();
  }

  protected showBegun(title: string): void {
    this.line(`${title}…`);
  }

  protected showNote(text: string): void {
    this.line(text);
  }

  protected showEnded(well: boolean, text: string): void {
    this.line(`${well ? '✓' : '✗'} ${text}`);
  }

  private line(text: string): void {
    this.terminal.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
  }
}

/** What is used of ora. */
interface Spinner {
  text: string;
  start(text?: string): unknown;
  succeed(text: string): unknown;
  info(text: string): unknown;
  fail(text: string): unknown;
}

/** On a terminal: one living line for the step under way. */
export class BakeSpinner extends BakeSteps {
  constructor(private readonly spinner: Spinner) {
    super();
    // The elapsed time moves also while nothing is said; the spinner redraws its text by itself.
    setInterval(() => this.redraw(), 500).unref();
  }

  protected showBegun(title: string): void {
    this.spinner.start(title);
  }

  protected showNote(text: string): void {
    this.spinner.info(text);
    if (this.step !== undefined) this.spinner.start(this.step.title);
  }

  protected showEnded(well: boolean, text: string): void {
    if (well) this.spinner.succeed(text);
    else this.spinner.fail(text);
  }

  private redraw(): void {
    if (this.step !== undefined) this.spinner.text = `${this.step.title} (${took(this.step)})`;
  }
}

/** The reporter that fits where the output goes. */
export async function createBakeReporter(stream: NodeJS.WriteStream): Promise<BakeReporter> {
  if (!isInteractive(stream)) return new BakeLines({ write: (text) => void stream.write(text) });
  const { default: ora } = await import('ora');
  return new BakeSpinner(ora({ stream, discardStdin: false }));
}
