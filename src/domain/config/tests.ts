import { z } from 'zod';
import { TEST_MOMENTS } from '../suite/gate';
import { problem, type Check } from './check';
import { seconds } from './fields';

const test = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower case letters, digits and inner hyphens')
    .describe('Name of the test, in the progress, the journal and the report.'),
  when: z
    .array(z.enum(TEST_MOMENTS))
    .min(1)
    .max(2)
    .default([...TEST_MOMENTS])
    .describe(
      'When it runs: `idle`, once the new fleet is up and smoke tested, through the test listener; `live`, once all traffic is on it, through production, before the soak.',
    ),
  command: z
    .array(z.string().min(1))
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Program and arguments on the machine that deploys; no shell. It passes with exit code 0. `BASCULE_URL`, `BASCULE_HOST`, `BASCULE_VERSION`, `BASCULE_REGION`, `BASCULE_ENVIRONMENT`, `BASCULE_DEPLOYMENT` and `BASCULE_WHEN` are in its environment, and `BASCULE_JUNIT`, a file that it may write its results to as JUnit XML.',
    ),
  suite: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      'Instead of a command: the file of an HTTP suite, from the folder of the project, for example `tests/login.yaml`.',
    ),
  timeoutSeconds: seconds(1, 21600)
    .default(300)
    .describe('Seconds until it is ended, with all it started; it has failed then.'),
});

export const testsSchema = z
  .array(test)
  .max(50)
  .default([])
  .describe(
    'Tests as gates, in this order, in each region: a command or an HTTP suite. One that fails turns the deployment back.',
  );

/** A test as its configuration says. */
export type TestSettings = z.output<typeof test>;

export const testChecks: Check[] = [
  {
    reads: ['deployment.tests'],
    find: ({ deployment: { tests } }) =>
      tests.flatMap(({ name, command, suite }, index) => {
        const at = ['deployment', 'tests', index];
        if (command === undefined && suite === undefined)
          return [problem(at, `test ${name} does nothing: give it a command or a suite`)];
        return command !== undefined && suite !== undefined
          ? [problem(at, `test ${name} has a command and a suite: make two tests of it`)]
          : [];
      }),
  },
  {
    reads: ['deployment.tests'],
    find: ({ deployment: { tests } }) =>
      tests.flatMap(({ name, when }, index) => {
        const first = tests.findIndex((other) => other.name === name);
        const at = ['deployment', 'tests', index];
        if (first !== index)
          return [problem([...at, 'name'], `${name} is also the name of deployment.tests[${first}]`)];
        return new Set(when).size === when.length ? [] : [problem([...at, 'when'], `names ${when[0]} twice`)];
      }),
  },
];
