/** What `deploy` is asked to do by --version and --plan together. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askedOf, type PlanOptions } from '../../automation/cli/commands/plan-option';
import { hashOf } from '../../src/domain/preview/hash';
import { PREVIEW_FORMAT, type PlanSections } from '../../src/domain/preview/preview';
import { refusal } from '../support/session';

const STRATEGY = { kind: 'linear', percent: 10, pauseSeconds: 60, byHand: false };
const sections: PlanSections = {
  version: { version: '2.0.0' },
  config: { strategy: STRATEGY },
  images: {},
  routes: {},
  fleets: {},
  steps: {},
  stacks: {},
};
const hash = hashOf(sections);

let folder: string;
let plan: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-plan-'));
  plan = path.join(folder, 'plan.json');
  const file = { format: PREVIEW_FORMAT, environment: 'test', version: '2.0.0', hash, sections };
  await writeFile(plan, JSON.stringify(file));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function options(given: Partial<PlanOptions>): PlanOptions {
  const none = { strategy: undefined, weights: undefined, pause: undefined, 'by-hand': undefined };
  return { environment: 'test', version: undefined, plan: undefined, force: false, ...none, ...given };
}

it('takes version and strategy from a file', async () => {
  expect(await askedOf(options({ plan }))).toMatchObject({
    version: '2.0.0',
    strategy: STRATEGY,
    plan: { hash, sections },
  });
  expect(await askedOf(options({ plan, version: '2.0.0' }))).toMatchObject({ version: '2.0.0' });
});

it('needs the version with a hash, and without a plan', async () => {
  expect(await askedOf(options({ plan: hash, version: '2.0.0' }))).toEqual({
    version: '2.0.0',
    strategy: null,
    plan: { hash, sections: null },
  });
  expect(await askedOf(options({ version: '2.0.0' }))).toEqual({
    version: '2.0.0',
    strategy: null,
    plan: null,
  });
  for (const given of [{}, { plan: hash }])
    expect(await refusal(askedOf(options(given)))).toMatchObject({ code: 'BASCULE_USAGE', exitCode: 2 });
});

it.each<[string, Partial<PlanOptions>]>([
  ['is one for test, not for production', { environment: 'production' }],
  ['deploys 2.0.0, but --version is 3.0.0', { version: '3.0.0' }],
  ['says how traffic moves', { strategy: 'all-at-once' }],
  ['says how traffic moves', { pause: 5 }],
])('refuses what contradicts the file: %s', async (why, given) => {
  const error = await refusal(askedOf(options({ plan, ...given })));
  expect(error).toMatchObject({ code: 'BASCULE_USAGE' });
  expect(error.message).toContain(why);
});

it('refuses what is neither a whole hash nor a file', async () => {
  const error = await refusal(askedOf(options({ plan: hash.slice(0, -1), version: '2.0.0' })));
  expect(error).toMatchObject({ code: 'BASCULE_PLAN_UNREADABLE', exitCode: 2 });
});
