import { type Origin, nameOf, prepare } from '../domain/suite/exchange';
import { judge } from '../domain/suite/judge';
import type { TestCase, TestRun } from '../domain/suite/result';
import type { Suite, SuiteRequest } from '../domain/suite/schema';
import { firstScope, Redactor } from '../domain/suite/variables';
import type { Prober, TestOrder } from '../ports';
import { systemClock } from './clock';
import { HttpConversation } from './http-conversation';

/** Between two attempts at one request. */
const PAUSE_MILLISECONDS = 1000;

export interface SuiteRun {
  suite: Suite;
  order: TestOrder;
  /** The Host header that requests have unless they say another. */
  domain: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when nobody wants it any more. */
  signal: AbortSignal;
}

/** Sends a suite's requests in order; after the first that is not answered as expected the others are skipped. */
export async function runSuite(prober: Prober, given: SuiteRun): Promise<TestRun> {
  const { suite, order, environment } = given;
  const began = Date.now();
  const course = new SuiteCourse(prober, given, began + order.timeoutSeconds * 1000);
  const cases: TestCase[] = [];
  for (const request of suite.requests) {
    const stopped = cases.some(({ outcome }) => outcome === 'failed');
    cases.push(stopped ? skipped(request) : await course.request(request));
  }
  const redactor = Redactor.of(suite, environment);
  return {
    cases: cases.map((one) => ({
      ...one,
      name: redactor.redact(one.name),
      problems: one.problems.map((problem) => redactor.redact(problem)),
    })),
    seconds: secondsSince(began),
    problems: [],
    output: '',
  };
}

function skipped(request: SuiteRequest): TestCase {
  return { name: nameOf(request), seconds: 0, outcome: 'skipped', problems: [] };
}

function secondsSince(began: number): number {
  return (Date.now() - began) / 1000;
}

class SuiteCourse {
  private readonly scope: Map<string, unknown>;
  private readonly conversation: HttpConversation;

  constructor(
    prober: Prober,
    private readonly given: SuiteRun,
    private readonly until: number,
  ) {
    const { suite, order, domain, environment } = given;
    const origin: Origin = { url: order.url, host: domain };
    this.scope = firstScope(suite, order, environment);
    this.conversation = new HttpConversation(prober, origin);
  }

  async request(request: SuiteRequest): Promise<TestCase> {
    const began = Date.now();
    const { signal } = this.given;
    let problems = await this.attempt(request);
    for (let attempt = 2; problems.length > 0 && attempt <= request.attempts; attempt += 1) {
      if (signal.aborted || Date.now() + PAUSE_MILLISECONDS >= this.until) break;
      await systemClock.wait(PAUSE_MILLISECONDS, signal);
      problems = await this.attempt(request);
    }
    const outcome = problems.length === 0 ? 'passed' : 'failed';
    return { name: nameOf(request), seconds: secondsSince(began), outcome, problems };
  }

  /** What is wrong with one attempt at a request; what is captured is only kept of one that is right. */
  private async attempt(request: SuiteRequest): Promise<string[]> {
    const { suite, order, signal } = this.given;
    if (signal.aborted) return ['ended on request'];
    const left = (this.until - Date.now()) / 1000;
    if (left <= 0) return [`the test did not end within ${order.timeoutSeconds} s`];
    const seconds = Math.min(request.timeoutSeconds ?? suite.timeoutSeconds, left);
    const follows = (request.redirects ?? suite.redirects) === 'follow';
    const said = await this.conversation.ask(prepare(request, this.scope), follows, seconds);
    if (said.kind === 'no-answer') return [said.reason];
    const { problems, captured } = judge(request, said.answer, this.scope);
    if (problems.length === 0)
      for (const [name, value] of Object.entries(captured)) this.scope.set(name, value);
    return problems;
  }
}
