import type { Assessed, Reason } from '../../../src/domain/records';
import { describeRequest } from '../../../src/domain/request';
import { describeStep, type Step } from '../../../src/domain/step';
import type { Message, Reporter } from '../../../src/ports';
import { isInteractive, type Terminal } from './terminal';

function seconds(from: number, to: number): string {
  return `${((to - from) / 1000).toFixed(1)} s`;
}

function reasonLines(message: string, details: readonly string[]): string[] {
  return [message, ...details].map((line) => `    ${line}`);
}

function refusalLines(refused: Reason | undefined): string[] {
  return refused === undefined ? [] : reasonLines(refused.message, refused.details);
}

/** Progress as plain lines with times: for CI logs and for terminals that are not interactive. */
export class LineReporter implements Reporter {
  private readonly began = new Map<string, number>();
  private lastWait = { subject: '', at: 0 };
  private readonly lastAssessed = new Map<string, { verdict: string; at: number }>();

  constructor(private readonly terminal: Terminal) {}

  say(message: Message): void {
    for (const line of this.linesOf(message)) this.line(line, 'at' in message ? message.at : Date.now());
  }

  private line(text: string, at: number): void {
    this.terminal.write(`${new Date(at).toISOString().slice(11, 19)} ${text}\n`);
  }

  private linesOf(message: Message): string[] {
    switch (message.kind) {
      case 'opened':
        return [`${message.title} (deployment ${message.deployment}, ${message.steps.length} steps)`];
      case 'note':
        return [message.text];
      case 'started':
        this.began.set(message.step.id, message.at);
        return [`${where(message.step)}…`];
      case 'undoing':
        this.began.set(message.step.id, message.at);
        return [`undoing: ${where(message.step)}…`];
      case 'waiting':
        return this.waiting(message.step, message.for, message.at);
      case 'done':
        return [`✓ ${where(message.step)} (${this.took(message.step, message.at)})${note(message.note)}`];
      case 'undone':
        return [`↩ ${where(message.step)} (${this.took(message.step, message.at)})${note(message.note)}`];
      case 'failed':
        return [
          `✗ ${where(message.step)} (${this.took(message.step, message.at)})`,
          ...reasonLines(message.reason.message, message.reason.details),
        ];
      case 'assessed':
        return message.assessments.flatMap((one) => this.assessed(message.step, one, message.at));
      case 'asked':
        return [describeRequest(message.request), ...refusalLines(message.refused)];
      case 'closed':
        return [`${message.outcome}: ${message.message}`];
    }
  }

  /** A wait is said when what it is for changes, and every ten seconds: a log is read afterwards, and no countdown. */
  private waiting(step: Step, what: string, at: number): string[] {
    const text = `  waits for ${what}`;
    const subject = `${step.id} ${text.replace(/\d+/g, '')}`;
    if (subject === this.lastWait.subject && at - this.lastWait.at < 10_000) return [];
    this.lastWait = { subject, at };
    return [`${text} (${this.took(step, at)})`];
  }

  /** As a wait: when the verdict changes, and every ten seconds. */
  private assessed(step: Step, { check, assessment }: Assessed, at: number): string[] {
    const key = `${step.id} ${check}`;
    const last = this.lastAssessed.get(key);
    if (last?.verdict === assessment.verdict && at - last.at < 10_000) return [];
    this.lastAssessed.set(key, { verdict: assessment.verdict, at });
    return [`  check ${check}: ${assessment.verdict}: ${assessment.reason} [${step.region}]`];
  }

  private took(step: Step, at: number): string {
    return seconds(this.began.get(step.id) ?? at, at);
  }
}

/** What is used of ora. */
interface Spinner {
  text: string;
  start(text?: string): unknown;
  succeed(text: string): unknown;
  warn(text: string): unknown;
  fail(text: string): unknown;
  stop(): unknown;
}

/** Progress on a terminal: one living line for the step under way, what it waits for and for how long. */
export class SpinnerReporter implements Reporter {
  private began = 0;
  private waitsFor = '';
  private step: Step | undefined;
  private verb = '';

  constructor(
    private readonly spinner: Spinner,
    private readonly lines: LineReporter,
  ) {
    // The elapsed time moves also while nothing is said; the spinner redraws its text by itself.
    const ticker = setInterval(() => this.redraw(), 500);
    ticker.unref();
  }

  say(message: Message): void {
    switch (message.kind) {
      case 'started':
      case 'undoing':
        this.step = message.step;
        this.began = message.at;
        this.waitsFor = '';
        this.verb = message.kind === 'undoing' ? 'undoing: ' : '';
        this.spinner.start(where(message.step));
        return this.redraw();
      case 'waiting':
        this.waitsFor = message.for;
        return this.redraw();
      case 'done':
        this.spinner.succeed(
          `${where(message.step)} (${seconds(this.began, message.at)})${note(message.note)}`,
        );
        return this.idle();
      case 'undone':
        this.spinner.warn(
          `undone: ${where(message.step)} (${seconds(this.began, message.at)})${note(message.note)}`,
        );
        return this.idle();
      case 'failed':
        this.spinner.fail(
          `${where(message.step)}\n${reasonLines(message.reason.message, message.reason.details).join('\n')}`,
        );
        return this.idle();
      case 'opened':
      case 'note':
      case 'assessed':
      case 'asked':
      case 'closed':
        this.spinner.stop();
        this.lines.say(message);
        if (this.step !== undefined) this.spinner.start();
        if (message.kind === 'closed') this.idle();
        return;
    }
  }

  private idle(): void {
    this.step = undefined;
    this.spinner.stop();
  }

  private redraw(): void {
    if (this.step === undefined) return;
    const wait = this.waitsFor === '' ? '' : `: waits for ${this.waitsFor}`;
    this.spinner.text = `${this.verb}${where(this.step)}${wait} (${seconds(this.began, Date.now())})`;
  }
}

function where(step: Step): string {
  return `${describeStep(step)} [${step.region}]`;
}

function note(text: string): string {
  return text === '' ? '' : `: ${text}`;
}

/** The reporter that fits where the output goes. */
export async function createReporter(stream: NodeJS.WriteStream): Promise<Reporter> {
  const lines = new LineReporter({ write: (text) => void stream.write(text) });
  if (!isInteractive(stream)) return lines;
  const { default: ora } = await import('ora');
  return new SpinnerReporter(ora({ stream, discardStdin: false }), lines);
}
