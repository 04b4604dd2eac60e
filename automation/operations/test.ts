import { otherColour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import type { JournalRecord } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import type { PlannedTest, TestMoment, TestPlace } from '../../src/domain/suite/gate';
import {
  countsOf,
  hasPassed,
  problemLines,
  type TestCase,
  type TestCounts,
  type TestRun,
} from '../../src/domain/suite/result';
import { readRegions, type RegionReading } from './observe';
import type { Session } from './session';

/**
 * The session with the tests that its deployments have to pass.
 * @throws BasculeError BASCULE_SUITE_INVALID or BASCULE_TEST_VARIABLE_MISSING (exit code 2).
 */
export async function withTests<S extends Session>(session: S): Promise<S> {
  const tests = await plannedTests(session);
  requireVariables(session, tests);
  return withTheseTests(session, tests);
}

/** As withTests, for who only looks, and need not have what only a run needs. */
export async function withTestsToShow<S extends Session>(session: S): Promise<S> {
  return withTheseTests(session, await plannedTests(session));
}

async function plannedTests(session: Session): Promise<PlannedTest[]> {
  return (await session.tests?.()) ?? [];
}

function withTheseTests<S extends Session>(session: S, tests: PlannedTest[]): S {
  return { ...session, policy: { ...session.policy, tests } };
}

function requireVariables({ world, environment }: Session, tests: readonly PlannedTest[]): void {
  if (tests.length === 0) return;
  const names = world.tests.lacking(tests);
  if (names.length === 0) return;
  throw new BasculeError({
    code: 'BASCULE_TEST_VARIABLE_MISSING',
    message: `The tests of ${environment} need ${names.join(', ')} in the environment of Bascule.`,
    next: 'Nothing was changed. Set them, for example from the secrets of the pipeline, and run the command again.',
  });
}

/** What is asked to be run by hand. */
export interface TestRequest {
  when: TestMoment;
  /** Names of tests; all of the moment's where there are none. */
  only: readonly string[];
  /** Regions; all where there are none. */
  regions: readonly string[];
}

/** One test in one region, run by hand. */
export interface TestedByHand {
  place: TestPlace;
  run: TestRun;
  passed: boolean;
  counts: TestCounts;
  /** What was wrong, in lines. */
  problems: string[];
}

/**
 * Runs the configured tests without a deployment, one after another; nothing is recorded, nothing is held.
 * @throws BasculeError BASCULE_NO_SUCH_TEST (exit code 2) where there is nothing to run, or another of withTests.
 */
export async function runTests(
  session: Session,
  request: TestRequest,
  tell: (place: TestPlace) => void,
): Promise<TestedByHand[]> {
  const tests = testsAsked(session, await plannedTests(session), request);
  requireVariables(session, tests);
  const readings = regionsAsked(session, await readRegions(session), request);
  const tested: TestedByHand[] = [];
  for (const reading of readings)
    for (const { name, work, timeoutSeconds } of tests) {
      const place = placeOf(session, reading, { name, when: request.when });
      tell(place);
      const run = await session.world.tests.run({ ...place, work, timeoutSeconds }, session.stop);
      const problems = problemLines(run);
      tested.push({ place, run, passed: hasPassed(run), counts: countsOf(run.cases), problems });
    }
  return tested;
}

function testsAsked(
  { environment }: Session,
  all: readonly PlannedTest[],
  { when, only }: TestRequest,
): PlannedTest[] {
  const unknown = only.filter((name) => !all.some((test) => test.name === name));
  const tests = all.filter((test) =>
    only.length === 0 ? test.when.includes(when) : only.includes(test.name),
  );
  if (unknown.length === 0 && tests.length > 0) return tests;
  throw new BasculeError({
    code: 'BASCULE_NO_SUCH_TEST',
    message:
      unknown.length > 0
        ? `${environment} has no test ${unknown.join(', ')}.`
        : `${environment} has no test for \`--when ${when}\`.`,
    next: `\`deployment.tests\` in Pulumi.${environment}.yaml has them${all.length === 0 ? ', and is empty' : `: ${all.map(({ name }) => name).join(', ')}`}. docs/tests.md says how to write one.`,
  });
}

function regionsAsked(
  { environment, regions }: Session,
  readings: RegionReading[],
  { regions: asked }: TestRequest,
): RegionReading[] {
  const unknown = asked.filter((region) => !regions.includes(region));
  if (unknown.length === 0)
    return readings.filter(({ region }) => asked.length === 0 || asked.includes(region));
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: `${environment} has no region ${unknown.join(', ')}.`,
    next: `Its regions are ${regions.join(', ')}.`,
  });
}

function placeOf(
  { environment, world }: Session,
  { region, live, fleets }: RegionReading,
  { name, when }: Pick<TestPlace, 'name' | 'when'>,
): TestPlace {
  const { productionUrl, testUrl } = world.region(region);
  const colour = live.kind !== 'live' ? undefined : when === 'live' ? live.colour : otherColour(live.colour);
  const version = (colour && fleets[colour]?.version) ?? '';
  const url = when === 'live' ? productionUrl : testUrl;
  return { name, when, url, version, region, environment, deployment: '' };
}

/** What the bucket has of a deployment's tests, by the id of their step; what it does not say is left out. */
export async function keptResults(
  { world }: Pick<Session, 'world'>,
  records: readonly JournalRecord[],
): Promise<Map<string, TestCase[]>> {
  const { deployment, plan, steps } = replay(records);
  const ran = plan.steps.filter(({ kind, id }) => kind === 'test' && steps[id]?.endedAt != null);
  const found = await Promise.all(
    ran.map(async ({ id }) => [id, await world.tests.kept({ deployment, step: id }).catch(silence)] as const),
  );
  return new Map(found.flatMap(([id, cases]) => (cases === undefined ? [] : [[id, cases] as const])));
}

/** A report has what the journal says in any case. */
function silence(thrown: unknown): undefined {
  if (!(thrown instanceof BasculeError)) throw thrown;
  return undefined;
}
