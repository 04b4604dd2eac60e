import { defineConfig } from 'vitest/config';

/** Tests that start processes and carry real traffic: slower, and few at a time. */
const SANDBOX = ['test/sandbox/**/*.test.ts', 'test/e2e/**/*.test.ts'];

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
