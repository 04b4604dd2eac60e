import type { Plan } from './records';
import type { Test } from './step';
import type { PlannedTest, TestMoment } from './suite/gate';

/** What the steps of one region's tests are made of. */
export interface TestsOfRegion {
  region: string;
  version: string;
  tests: readonly PlannedTest[] | undefined;
}

/** The steps of one region's tests of a moment, in the order of the configuration. */
export function testSteps(when: TestMoment, { region, version, tests = [] }: TestsOfRegion): Test[] {
  return tests
    .filter((test) => test.when.includes(when))
    .map(({ name, work, timeoutSeconds }) => ({
      kind: 'test',
      id: `test:${region}:${when}:${name}`,
      region,
      name,
      when,
      version,
      work,
      timeoutSeconds,
    }));
}

/** The tests that a plan was made with: who plans anew keeps them, whatever their files say by now. */
export function testsOfPlan({ steps }: Plan): PlannedTest[] {
  const tests = new Map<string, PlannedTest>();
  for (const step of steps) {
    if (step.kind !== 'test') continue;
    const { name, when, work, timeoutSeconds } = step;
    const known = tests.get(name);
    if (known === undefined) tests.set(name, { name, when: [when], work, timeoutSeconds });
    else if (!known.when.includes(when)) known.when.push(when);
  }
  return [...tests.values()];
}
