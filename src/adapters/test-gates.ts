import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testEnvironment, type PlannedTest, type TestPlace } from '../domain/suite/gate';
import type { TestCase, TestRun } from '../domain/suite/result';
import { environmentNames } from '../domain/suite/variables';
import type { CommandEnding, LocalCommands, Prober, TestedStep, TestGates, TestOrder } from '../ports';
import type { Objects } from './objects';

/** More than results of thousands of cases need. */
const RESULTS_LIMIT = 5 * 1024 * 1024;

/** What tests are run with. What only they need is loaded with the first of them. */
export interface TestTools {
  prober: Prober;
  commands: LocalCommands;
  /** The service's own name, which is sent as Host, where it has one. */
  domain: string | undefined;
  environment: string;
  /** The environment's bucket. */
  objects: Objects;
}

/** Tests on this machine, their results in the environment's bucket. */
export class LocalTestGates implements TestGates {
  constructor(private readonly tools: TestTools) {}

  lacking(tests: readonly Pick<PlannedTest, 'work'>[]): string[] {
    const names = tests.flatMap(({ work }) => (work.kind === 'suite' ? environmentNames(work.suite) : []));
    return [...new Set(names)].filter((name) => process.env[name] === undefined);
  }

  async run(order: TestOrder, signal: AbortSignal): Promise<TestRun> {
    const { work } = order;
    if (work.kind === 'command') return this.runCommand(order, work.command, signal);
    const lacking = this.lacking([order]);
    if (lacking.length > 0) return { cases: [], seconds: 0, problems: [], output: '', lacking };
    const { prober, domain } = this.tools;
    const { runSuite } = await import('./suite-runner.js');
    return runSuite(prober, { suite: work.suite, order, domain, environment: process.env, signal });
  }

  private async runCommand(order: TestOrder, command: string[], signal: AbortSignal): Promise<TestRun> {
    const folder = await mkdtemp(path.join(tmpdir(), 'bascule-test-'));
    const file = path.join(folder, 'results.xml');
    const began = Date.now();
    try {
      const { timeoutSeconds } = order;
      const host = this.tools.domain ?? new URL(order.url).host;
      const environment = { ...testEnvironment(order), BASCULE_HOST: host, BASCULE_JUNIT: file };
      const { ending, output } = await this.tools.commands.run(
        { command, environment, timeoutSeconds },
        signal,
      );
      const seconds = (Date.now() - began) / 1000;
      const wrong = wordsOf(ending, timeoutSeconds);
      const problems = wrong === undefined ? [] : [`${command.join(' ')} ${wrong}`];
      const { problems: unread = [], ...written } = await writtenTo(file);
      return { cases: [], seconds, output, ...written, problems: [...problems, ...unread] };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async junit(run: TestRun, place: TestPlace): Promise<string> {
    const { junitOf } = await import('./junit.js');
    return junitOf(run, place);
  }

  async keep(run: TestRun, place: TestPlace, of: TestedStep): Promise<string> {
    const key = this.keyOf(of);
    await this.tools.objects.replace(key, await this.junit(run, place), 'application/xml');
    return key;
  }

  async kept(of: TestedStep): Promise<TestCase[] | undefined> {
    const found = await this.tools.objects.get(this.keyOf(of));
    if (found === undefined) return undefined;
    const { casesOf } = await import('./junit.js');
    return casesOf(found.text);
  }

  private keyOf({ deployment, step }: TestedStep): string {
    return `environments/${this.tools.environment}/tests/${deployment}/${step}.xml`;
  }
}

/** What a command wrote as JUnit XML; what it wrote otherwise is a problem, for nobody knows what it meant. */
async function writtenTo(file: string): Promise<Pick<Partial<TestRun>, 'cases' | 'junit' | 'problems'>> {
  const size = await stat(file).then(
    (found) => found.size,
    () => null,
  );
  if (size === null || size === 0) return {};
  if (size > RESULTS_LIMIT)
    return { problems: [`the results in BASCULE_JUNIT have ${size} bytes; ${RESULTS_LIMIT} are read`] };
  const junit = await readFile(file, 'utf8');
  const { casesOf } = await import('./junit.js');
  const cases = casesOf(junit);
  return cases === undefined
    ? { problems: ['what it wrote to BASCULE_JUNIT is no JUnit XML'] }
    : { cases, junit };
}

function wordsOf(ending: CommandEnding, timeoutSeconds: number): string | undefined {
  switch (ending.kind) {
    case 'exited':
      return ending.code === 0 ? undefined : `exited with ${ending.code}`;
    case 'killed':
      return `was ended by ${ending.signal}`;
    case 'timed-out':
      return `did not end within ${timeoutSeconds} s, and was ended`;
    case 'not-started':
      return `could not be started: ${ending.reason}`;
  }
}
