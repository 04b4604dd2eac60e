import type { BakeEvent } from '../../../src/domain/bake-progress';
import type { Terminal } from './reporter';

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

/** Plain lines with times: for CI logs and for terminals that are not interactive. */
export class BakeLines implements BakeReporter {
  private step: Step | undefined;

  constructor(private readonly terminal: Terminal) {}

  tell(event: BakeEvent): void {
    switch (event.kind) {
      case 'step':
        this.end('');
        this.step = { title: event.title, began: Date.now() };
        return this.line(`${event.title}…`);
      case 'done':
        return event.failed === true ? this.fail(event.note) : this.end(event.note);
      case 'note':
        return this.line(event.text);
      case 'failed':
        return this.close(false);
      case 'begun':
        return;
    }
  }

  close(well: boolean): void {
    return well ? this.end('') : this.fail('');
  }

  private fail(note: string): void {
    if (this.step !== undefined) this.line(`✗ ${done(this.step, note)}`);
    this.step = undefined;
  }

  private end(note: string): void {
    if (this.step !== undefined) this.line(`✓ ${done(this.step, note)}`);
    this.step = undefined;
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
export class BakeSpinner implements BakeReporter {
  private step: Step | undefined;

  constructor(private readonly spinner: Spinner) {
    // The elapsed time moves also while nothing is said; the spinner redraws its text by itself.
    setInterval(() => this.redraw(), 500).unref();
  }

  tell(event: BakeEvent): void {
    switch (event.kind) {
      case 'step':
        this.end('');
        this.step = { title: event.title, began: Date.now() };
        this.spinner.start(event.title);
        return;
      case 'done':
        return event.failed === true ? this.fail(event.note) : this.end(event.note);
      case 'note':
        this.spinner.info(event.text);
        if (this.step !== undefined) this.spinner.start(this.step.title);
        return;
      case 'failed':
        return this.close(false);
      case 'begun':
        return;
    }
  }

  close(well: boolean): void {
    return well ? this.end('') : this.fail('');
  }

  private fail(note: string): void {
    if (this.step !== undefined) this.spinner.fail(done(this.step, note));
    this.step = undefined;
  }

  private end(note: string): void {
    if (this.step !== undefined) this.spinner.succeed(done(this.step, note));
    this.step = undefined;
  }

  private redraw(): void {
    if (this.step !== undefined) this.spinner.text = `${this.step.title} (${took(this.step)})`;
  }
}

/** The reporter that fits where the output goes. */
export async function createBakeReporter(stream: NodeJS.WriteStream): Promise<BakeReporter> {
  // A terminal that says it has no columns makes the spinner count lines for ever.
  const interactive = stream.isTTY && stream.columns > 0 && process.env['CI'] === undefined;
  if (!interactive) return new BakeLines({ write: (text) => void stream.write(text) });
  const { default: ora } = await import('ora');
  return new BakeSpinner(ora({ stream, discardStdin: false }));
}
