/** One thing that a test looked at, as JUnit XML has it. */
export interface TestCase {
  name: string;
  seconds: number;
  outcome: 'passed' | 'failed' | 'skipped';
  /** What was wrong, in lines; empty unless it failed. */
  problems: string[];
}

/** What a test came to. */
export interface TestRun {
  cases: TestCase[];
  seconds: number;
  /** What was wrong with the run as a whole: how a command ended, or that time was up. */
  problems: string[];
  /** The end of what a command printed. */
  output: string;
  /** The results as a command wrote them. */
  junit?: string;
  /** Variables of the environment that it needs and that are not there: it did not begin. */
  lacking?: string[];
}

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

export function countsOf(cases: readonly TestCase[]): TestCounts {
  const number = (outcome: TestCase['outcome']): number =>
    cases.filter((one) => one.outcome === outcome).length;
  return { passed: number('passed'), failed: number('failed'), skipped: number('skipped') };
}

/** Whether a gate opens: nothing about the run is wrong, and no case failed. */
export function hasPassed({ cases, problems, lacking = [] }: TestRun): boolean {
  return problems.length === 0 && lacking.length === 0 && countsOf(cases).failed === 0;
}

/** `3 of 4 passed, 1 skipped`. */
export function countsText({ passed, failed, skipped }: TestCounts): string {
  const whole = passed + failed + skipped;
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  return whole === 0 ? 'passed' : `${passed} of ${whole} passed${left}`;
}

/** Lines of all that is wrong in a record of the journal, which stays small. */
const TOLD = 20;
/** Lines of a command's output that are told, as many as of a migration's. */
const KEPT_LINES = 12;

/** What is wrong with a run, line by line. */
export function problemLines({ cases, problems, output }: TestRun): string[] {
  const lines = [
    ...problems,
    ...cases.flatMap(({ name, problems: found, outcome }) =>
      outcome === 'failed'
        ? found.length === 0
          ? [`${name}: failed`]
          : found.map((one) => `${name}: ${one}`)
        : [],
    ),
  ].map((line) => line.slice(0, 500));
  const told = lines.length > TOLD ? [...lines.slice(0, TOLD), `… and ${lines.length - TOLD} more`] : lines;
  const printed = output.split(/\r?\n/).filter((line) => line.trim() !== '');
  return [...told, ...printed.slice(-KEPT_LINES).map((line) => `| ${line}`)];
}
