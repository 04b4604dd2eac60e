import type { Suite } from './schema';

/** When a test runs: against the new release before it has traffic, and once it has all of it. */
export const TEST_MOMENTS = ['idle', 'live'] as const;
export type TestMoment = (typeof TEST_MOMENTS)[number];

/** What a test does. A suite stands in the plan as a whole, so that it is what was planned whoever goes on. */
export type TestWork =
  | { kind: 'command'; /** Program and arguments; no shell. */ command: string[] }
  | { kind: 'suite'; /** The file it was read from. */ file: string; suite: Suite };

/** A test as the configuration has it, its suite read. */
export interface PlannedTest {
  name: string;
  when: TestMoment[];
  work: TestWork;
  timeoutSeconds: number;
}

/** Where a test is run, and of what. */
export interface TestPlace {
  name: string;
  when: TestMoment;
  /** Where its requests go, without a trailing slash. */
  url: string;
  version: string;
  region: string;
  environment: string;
  /** Empty where it is run by hand. */
  deployment: string;
}

/** Characters of a command that are shown of it. */
const DESCRIBED = 60;

/** A test's work in a few words. */
export function describeWork(work: TestWork): string {
  if (work.kind === 'command') {
    const line = work.command.join(' ').replace(/\s+/g, ' ');
    return line.length > DESCRIBED ? `${line.slice(0, DESCRIBED - 1)}…` : line;
  }
  const { length } = work.suite.requests;
  return `${work.file}, ${length} request${length === 1 ? '' : 's'}`;
}

/** What a test's command finds in its environment, beside the file for its results. */
export function testEnvironment(place: TestPlace): Record<string, string> {
  return {
    BASCULE_URL: place.url,
    BASCULE_VERSION: place.version,
    BASCULE_REGION: place.region,
    BASCULE_ENVIRONMENT: place.environment,
    BASCULE_DEPLOYMENT: place.deployment,
    BASCULE_WHEN: place.when,
  };
}
