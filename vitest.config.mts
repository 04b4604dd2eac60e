import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Tests that start processes and carry real traffic: slower, and few at a time. */
const SANDBOX = ['test/sandbox/**/*.test.ts', 'test/e2e/**/*.test.ts'];
/** Only of use by night; what it does to whole networks, stack-leftovers does to one fleet in every run. */
const NIGHTLY =
  process.env['BASCULE_NIGHTLY'] === '1' ? [] : ['test/sandbox/stack-leftovers-service.test.ts'];

// Said once for each process otherwise; the versions in the lock file work with Node 20.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

// The hundreds of engines of a run live for seconds each, and are quicker when they collect garbage less often.
process.env['GOGC'] ??= '400';
process.env['GOMEMLIMIT'] ??= '2GiB';

/** Those that take longest begin first; the runner, which knows only sizes on a fresh checkout, has them last. */
const LONG = [
  'kill',
  'faults',
  'iam',
  'regions',
  'promotion',
  'stack-leftovers',
  'e2e/preview',
  'e2e/bake',
  'e2e/images',
  'e2e/migrations',
  'refusals',
  'canary',
  'two-drivers',
  'locks',
  'drift',
  'interference',
  'e2e/lifecycle',
  'plugins-engine',
  'guards',
  'stacks',
  'images/playbook',
  'scripts/layers',
  'engine/python',
  'adapters/aws-calls',
  'rehearsal/generator',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONG.findIndex((name) => moduleId.replace(/\.test\.\w+$/, '').endsWith(`/${name}`));
      return place === -1 ? LONG.length : place;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // A second otherwise, which a busy machine may need for a process to end.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'test/scripts/*.test.mjs'],
          exclude: SANDBOX,
          // Some of them wait for processes: with one worker more than cores, the cores are busy.
          maxWorkers: availableParallelism() + 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'sandbox',
          include: SANDBOX,
          exclude: NIGHTLY,
          // Most of a test is waiting for processes: with two workers more than cores, the cores are busy.
          maxWorkers: availableParallelism() + 2,
          testTimeout: 300_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
