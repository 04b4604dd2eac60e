import { defineConfig } from 'vitest/config';

/** Tests that start processes and carry real traffic: slower, and few at a time. */
const SANDBOX = ['test/sandbox/**/*.test.ts', 'test/e2e/**/*.test.ts'];

// Said once for each process otherwise; the versions in the lock file work with Node 20.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'test/scripts/*.test.mjs'],
          exclude: SANDBOX,
          testTimeout: 20_000,
          hookTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'sandbox',
          include: SANDBOX,
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
