import type { Assessed, Reason } from '../../../src/domain/records';
import { describeRequest } from '../../../src/domain/request';
import { describeStep, isWatched, type Step } from '../../../src/domain/step';
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
  private readonly lastWaits = new Map<string, { subject: string; at: number }>();
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
    const beside = isBeside(step) ? ` [${step.region}]` : '';
    const text = `  waits for ${what}${beside}`;
    const subject = text.replace(/\d+/g, '');
    const last = this.lastWaits.get(step.id);
    if (subject === last?.subject && at - last.at < 10_000) return [];
    this.lastWaits.set(step.id, { subject, at });
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
  /** What is under way, in the order of its beginning; the first of it has the living line. */
  private readonly open = new Map<string, UnderWay>();

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
        if (!isBeside(message.step)) this.open.clear();
        this.open.set(message.step.id, {
          text: `${message.kind === 'undoing' ? 'undoing: ' : ''}${where(message.step)}`,
          began: message.at,
          waitsFor: '',
        });
        return this.goOn();
      case 'waiting': {
        const under = this.open.get(message.step.id);
        if (under !== undefined) under.waitsFor = message.for;
        return this.redraw();
      }
      case 'done':
        this.spinner.succeed(`${where(message.step)} (${this.took(message)})${note(message.note)}`);
        return this.end(message.step);
      case 'undone':
        this.spinner.warn(`undone: ${where(message.step)} (${this.took(message)})${note(message.note)}`);
        return this.end(message.step);
      case 'failed':
        this.spinner.fail(
          `${where(message.step)}\n${reasonLines(message.reason.message, message.reason.details).join('\n')}`,
        );
        // What was watched beside it is decided about anew.
        this.open.clear();
        this.spinner.stop();
        return;
      case 'opened':
      case 'note':
      case 'assessed':
      case 'asked':
      case 'closed':
        this.spinner.stop();
        this.lines.say(message);
        if (message.kind === 'closed') this.open.clear();
        this.goOn();
        return;
    }
  }

  private took({ step, at }: { step: Step; at: number }): string {
    return seconds(this.open.get(step.id)?.began ?? at, at);
  }

  private end(step: Step): void {
    this.open.delete(step.id);
    this.spinner.stop();
    this.goOn();
  }

  private goOn(): void {
    if (this.open.size === 0) return;
    this.spinner.start();
    this.redraw();
  }

  private redraw(): void {
    const [first, ...beside] = this.open.values();
    if (first === undefined) return;
    const wait = first.waitsFor === '' ? '' : `: waits for ${first.waitsFor}`;
    const more = beside.length === 0 ? '' : `, ${beside.length} beside it`;
    this.spinner.text = `${first.text}${wait} (${seconds(first.began, Date.now())}${more})`;
  }
}

/** One step as the living line tells it. */
interface UnderWay {
  text: string;
  began: number;
  waitsFor: string;
}

/** Whether other steps may be under way at the same time. */
function isBeside(step: Step): boolean {
  return isWatched(step) && step.group !== undefined;
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
