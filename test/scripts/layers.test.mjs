import { ESLint } from 'eslint';
import { parser } from 'typescript-eslint';
import { expect, test } from 'vitest';
import { layersRule } from '../../scripts/lint/layers.mjs';

const alone = new ESLint({
  cwd: process.cwd(),
  overrideConfigFile: true,
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parser },
    plugins: { bascule: { rules: { layers: layersRule } } },
    rules: { 'bascule/layers': 'error' },
  },
});

async function refusals(filePath, code) {
  const [result] = await alone.lintText(code, { filePath });
  return result.messages.map((message) => message.message);
}

test.each([
  ['src/domain/plan.ts', "import { x } from '../adapters/clients';", 'domain must not import adapters'],
  ['src/domain/plan.ts', "import { x } from '../ports';", 'domain must not import ports'],
  ['src/domain/config/a.ts', "import fs from 'node:fs';", 'domain must not import the package node:fs'],
  ['src/ports.ts', "export * from './adapters/traffic';", 'ports must not import adapters'],
  ['src/adapters/traffic.ts', "import '../../automation/driver';", 'adapters must not import driver'],
  [
    'automation/driver.ts',
    "import { ELB } from '@aws-sdk/client-elastic-load-balancing-v2';",
    'the package @aws-sdk',
  ],
  [
    'automation/steps/shift.ts',
    "import type { A } from '../../src/adapters/traffic';",
    'driver must not import adapters',
  ],
  [
    'automation/steps/shift.ts',
    "const a = await import('@aws-sdk/client-ec2');",
    'the package @aws-sdk/client-ec2',
  ],
  [
    'automation/steps/shift.ts',
    "type A = import('../../src/adapters/traffic').A;",
    'driver must not import adapters',
  ],
  ['automation/steps/shift.ts', "const a = require('../cli/main');", 'driver must not import cli'],
  ['stacks/service.ts', "import { x } from '../src/adapters/clients';", 'stacks must not import adapters'],
  ['stacks/service.ts', "import { x } from '../automation/engine';", 'stacks must not import engine'],
  ['automation/sandbox/start.ts', "import { x } from '../driver';", 'sandbox must not import driver'],
  ['automation/sandbox/start.ts', "import { x } from '../cli/options.js';", 'sandbox must not import cli'],
  ['automation/operations/deploy.ts', "import { x } from '../cli/options';", 'other must not import cli'],
])('%s may not say: %s', async (file, code, message) => {
  expect(await refusals(file, code)).toEqual([expect.stringContaining(message)]);
});

test.each([
  ['src/domain/config.ts', "import { z } from 'zod'; import { c } from './colour';"],
  [
    'src/adapters/traffic.ts',
    "import type { T } from '../ports'; import 'node:fs'; import '@aws-sdk/client-ec2';",
  ],
  ['automation/driver.ts', "import { s } from './steps'; import type { P } from '../src/ports';"],
  ['automation/steps/shift.ts', "import { d } from '../../src/domain/decide';"],
  ['automation/sandbox/start.ts', "import { e } from '../engine/engine';"],
  ['automation/cli/main.ts', "import { d } from '../driver'; import { s } from '../sandbox';"],
  ['test/driver/deploy.test.ts', "import { d } from '../../automation/cli/main';"],
])('%s may say: %s', async (file, code) => {
  expect(await refusals(file, code)).toEqual([]);
});

test("the project's own configuration refuses what it is there for", { timeout: 120_000 }, async () => {
  const code = `import { x } from '../adapters/clients';
    export const later = (): any => { Promise.resolve(x); };`;
  const [result] = await new ESLint({ cwd: process.cwd() }).lintText(code, {
    filePath: 'src/domain/colour.ts',
  });
  expect(result.messages.map((message) => message.ruleId)).toEqual(
    expect.arrayContaining([
      'bascule/layers',
      '@typescript-eslint/no-explicit-any',
      '@typescript-eslint/no-floating-promises',
    ]),
  );
});
