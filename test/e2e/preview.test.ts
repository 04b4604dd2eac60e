/** Previews as people run them: what they say of an environment as it comes up, and `deploy --plan`. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderPreviewMarkdown } from '../../automation/cli/output/preview-markdown';
import { renderPreviewText } from '../../automation/cli/output/preview-text';
import type { Preview } from '../../src/domain/preview/preview';
import { startAwsProxy, type AwsProxy } from '../support/aws-proxy';
import { BASCULE, Program } from '../support/command-line';
import { apps, LiveEnvironment } from '../support/e2e';
import { expectGoldenPreview } from '../support/golden';
import { ENVIRONMENT, type Settings } from '../support/e2e-project';
import { must } from '../support/until';

type Printed = Preview & { exitCode: number };

let live: LiveEnvironment;
let proxy: AwsProxy;

beforeAll(async () => {
  live = await LiveEnvironment.start();
  proxy = await startAwsProxy(live.info.endpoint);
  await live.bake('1.0.0', apps.service);
});
afterAll(async () => {
  await live?.dispose();
  await proxy?.close();
});

/** Runs a preview and holds it to its word: nothing is written, to AWS or to the project. */
async function previewed(...args: string[]): Promise<Printed> {
  live.through(proxy);
  const from = proxy.calls.length;
  const before = await filesOf(live.project);
  const { json, stderr } = await live.run<Printed>('preview', ENVIRONMENT, ...args);
  live.through();
  if (json.stacks === undefined) throw new Error(`no preview: ${JSON.stringify(json)}\n${stderr}`);
  const writes = proxy.calls.slice(from).filter((call) => call.write || call.action === 'RunInstances');
  expect(writes.map(({ label }) => label)).toEqual([]);
  expect(await filesOf(live.project)).toEqual(before);
  return json;
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const files = names.map(
    async ({ name }) => [name, await readFile(path.join(folder, name), 'utf8')] as const,
  );
  return Object.fromEntries(await Promise.all(files));
}

function reasons({ verdict }: Preview): string[] {
  return verdict.kind === 'refused' ? verdict.reasons.map(({ code }) => code) : [verdict.kind];
}

function changes({ stacks }: Preview): string[] {
  return stacks.map(({ stack, resources }) => {
    const operations = [...new Set(resources.map(({ operation }) => operation))].sort().join(' and ');
    return `${stack}: ${operations === '' ? 'nothing' : operations}`;
  });
}

const inADay = (): string => new Date(Date.now() + 86_400_000).toISOString();

const fleetStack = (colour: string): string => `${ENVIRONMENT}.${live.region}.${colour}`;

it('shows an environment that is not up, then its first deployment, and runs that as it was shown', async () => {
  const before = await previewed('--version', '1.0.0');
  expect(before.exitCode).toBe(2);
  expect(reasons(before)).toEqual(['BASCULE_NOT_UP']);
  expect(changes(before)).toEqual([`${ENVIRONMENT}: create`]);
  await live.succeeds('up', ENVIRONMENT);
  const missing = await previewed('--version', '9.9.9');
  expect(reasons(missing)).toEqual(['BASCULE_IMAGE_MISSING']);
  expect(missing.exitCode).toBe(2);
  await expectGoldenPreview('missing-image', missing);
  expect(missing.steps.length).toBeGreaterThan(5);
  const first = await previewed('--version', '1.0.0');
  expect(first).toMatchObject({ exitCode: 0, formerVersion: null, verdict: { kind: 'changes' } });
  expect(changes(first)).toEqual([`${ENVIRONMENT}: nothing`, `${fleetStack('green')}: create`]);
  expect(first.warnings).toEqual([]);
  await expectGoldenPreview('first-deployment', first);
  const file = path.join(live.folder, 'plan.json');
  await writeFile(file, JSON.stringify(first));
  const { json } = await live.succeeds('deploy', ENVIRONMENT, '--plan', file);
  expect(json).toMatchObject({ outcome: 'succeeded', planHash: first.hash });
});

it('says that there is nothing to do where that is so, and what `up` would do where it is not', async () => {
  const same = await previewed('--version', '1.0.0');
  expect(same).toMatchObject({ exitCode: 0, hash: null, warnings: [] });
  expect(same.verdict).toEqual({
    kind: 'nothing-to-do',
    message: `${ENVIRONMENT} runs 1.0.0 already, and no stack differs.`,
  });
  await expectGoldenPreview('same-version', same);
  await live.change((settings) => void (settings.targets.healthCheck.timeoutSeconds = 3));
  const changed = await previewed('--version', '1.0.0');
  expect(changed.verdict.kind).toBe('stacks-differ');
  expect(changes(changed)[0]).toBe(`${ENVIRONMENT}: update`);
  expect(changed.warnings.map(({ code }) => code)).toEqual(['live-change', 'live-change', 'service-stack']);
  await expectGoldenPreview('config-change', changed);
  await live.change((settings) => void (settings.targets.healthCheck.timeoutSeconds = 2));
});

it('shows a new version as a comment and on a terminal, and what stands in its way', async () => {
  await live.bake('2.0.0', apps.service);
  const found = await previewed('--version', '2.0.0');
  expect(reasons(found)).toEqual(['changes']);
  await expectGoldenPreview('new-version', found);
  const args = ['preview', ENVIRONMENT, '--version', '2.0.0', '--project', live.project];
  for (const [format, render] of [
    ['markdown', renderPreviewMarkdown],
    ['text', renderPreviewText],
  ] as const) {
    const program = new Program(process.execPath, [BASCULE, ...args, '--format', format], { env: live.env });
    expect((await program.ended).stdout).toBe(`${render(found)}\n`);
  }
  await live.succeeds('freeze', ENVIRONMENT, '--reason', 'Christmas', '--until', inADay(), '--name', 'xmas');
  const frozen = await previewed('--version', '2.0.0');
  expect(reasons(frozen)).toEqual(['BASCULE_FROZEN']);
  expect(frozen.exitCode).toBe(2);
  await expectGoldenPreview('frozen', frozen);
  await live.succeeds('thaw', ENVIRONMENT);
  await live.moveByHand('rule', { blue: 30, green: 70 });
  const drifted = await previewed('--version', '2.0.0');
  expect(drifted.warnings.map(({ code }) => code)).toContain('drift');
  await expectGoldenPreview('drift', drifted);
  await live.moveByHand('rule', { blue: 0, green: 100 });
});

it('warns of a change that would replace the load balancer', async () => {
  const internal = (value: boolean) => (settings: Settings) =>
    void Object.assign(settings, { loadBalancer: { internal: value } });
  await live.change(internal(true));
  const replaced = await previewed('--version', '2.0.0');
  await live.change(internal(false));
  expect(changes(replaced)[0]).toMatch(/replace/);
  expect(replaced.warnings.map(({ code }) => code)).toContain('live-change');
  await expectGoldenPreview('load-balancer-replaced', replaced);
});

it('makes a plan of a new version that runs as it is, or not at all', async () => {
  const found = await previewed(
    '--version',
    '2.0.0',
    '--strategy',
    'canary',
    '--weights',
    '20',
    '--pause',
    '1',
  );
  await expectGoldenPreview('canary', found);
  expect(found).toMatchObject({ exitCode: 0, formerVersion: '1.0.0', verdict: { kind: 'changes' } });
  expect(found.steps.find(({ kind }) => kind === 'apply-idle')?.expectedSeconds).toBeGreaterThan(0);
  const hash = must(found.hash);
  const asked = [
    '--version',
    '2.0.0',
    '--strategy',
    'canary',
    '--weights',
    '20',
    '--pause',
    '1',
    '--plan',
    hash,
  ];
  await live.change((settings) => void (settings.deployment.soakSeconds = 2));
  const refused = await live.run('deploy', ENVIRONMENT, ...asked);
  expect(refused.exitCode).toBe(2);
  expect(refused.json.error).toMatchObject({ code: 'BASCULE_PLAN_CHANGED' });
  expect(must(refused.json.error).message).toContain('what changed since: config, steps');
  expect((await live.status()).open).toBeNull();
  await live.change((settings) => void (settings.deployment.soakSeconds = 1));
  expect((await live.run('deploy', ENVIRONMENT, ...asked)).json).toMatchObject({
    outcome: 'succeeded',
    planHash: hash,
  });
});
