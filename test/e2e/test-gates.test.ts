/** Tests as gates end to end: the example's suite on the idle colour and in production, and its results. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { SuiteInput } from '../../src/domain/suite/schema';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { ENVIRONMENT } from '../support/e2e-project';
import { must } from '../support/until';

let live: LiveEnvironment;

/** Writes the suite that is only run once all traffic is on the release. */
async function expectInProduction(version: string): Promise<void> {
  const suite: SuiteInput = {
    requests: [{ name: 'who answers', path: '/', expect: { header: { 'x-version': version } } }],
  };
  await writeFile(path.join(live.project, 'tests', 'after.yaml'), stringify(suite));
}

beforeAll(async () => {
  live = await LiveEnvironment.start((settings) => {
    settings.fleet.minimum = 1;
    Object.assign(settings.deployment, {
      tests: [
        { name: 'login', suite: 'tests/login.yaml' },
        { name: 'after', suite: 'tests/after.yaml', when: ['live'] },
      ],
    });
  });
  await mkdir(path.join(live.project, 'tests'));
  await cp(path.join(apps.service, 'tests', 'login.yaml'), path.join(live.project, 'tests', 'login.yaml'));
  await expectInProduction('{{bascule.version}}');
  await Promise.all([live.succeeds('up', ENVIRONMENT), bakeAll()]);
});

/** One after another, for all of them are made by one stack. */
async function bakeAll(): Promise<void> {
  await live.bake('1.0.0', apps.service);
  await bakeForgetful('2.0.0');
  await live.bake('3.0.0', apps.service);
}

afterAll(() => live?.dispose());

/** A release that lost the last of its customers. */
async function bakeForgetful(version: string): Promise<void> {
  const app = path.join(live.folder, `app-${version}`);
  await cp(apps.service, app, { recursive: true });
  const server = path.join(app, 'server.js');
  await writeFile(server, (await readFile(server, 'utf8')).replace('Grace Hopper', 'Nobody'));
  await live.bake(version, app);
}

/** A test's results as they lie in the bucket. */
async function results(deployment: string, step: string): Promise<string> {
  const Key = `environments/${ENVIRONMENT}/tests/${deployment}/${step}.xml`;
  const { Body } = await live.s3().send(new GetObjectCommand({ Bucket: live.info.bucket, Key }));
  return must(await Body?.transformToString());
}

describe('a release is tested', () => {
  test('by a log-in and a name on the second page, on the idle colour and in production', async () => {
    const { exitCode, json } = await live.deploy('1.0.0');
    expect(exitCode, JSON.stringify(json)).toBe(0);
    const deployment = must(json.deployment);
    for (const when of ['idle', 'live'])
      expect(await results(deployment, `test:${live.region}:${when}:login`)).toMatch(
        /<testsuite [^>]*tests="3" failures="0"/,
      );
    const byHand = await live.run<{ tests: { name: string; outcome: string }[] }>(
      ...['test', ENVIRONMENT, '--junit', path.join(live.folder, 'junit')],
    );
    expect(byHand.exitCode, byHand.stderr).toBe(0);
    expect(byHand.json.tests).toMatchObject([
      { name: 'login', outcome: 'passed', version: '1.0.0' },
      { name: 'after', outcome: 'passed' },
    ]);
    const written = path.join(live.folder, 'junit', `${live.region}-live-login.xml`);
    expect(await readFile(written, 'utf8')).toContain('find a name on the second page');
  });

  test('and leaves traffic where it is when the idle colour fails', async () => {
    const before = await live.forwards();
    const { exitCode, json } = await live.deploy('2.0.0');
    expect(exitCode, JSON.stringify(json)).toBe(3);
    expect(json).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_TEST_FAILED' } });
    expect(await live.forwards()).toEqual(before);
    const deployment = must(json.deployment);
    expect(await results(deployment, `test:${live.region}:idle:login`)).toMatch(
      /<failure message="\$\.customers\[\*\]\.name is &quot;Edsger Dijkstra&quot;, &quot;Nobody&quot;/,
    );
    const moved = (await live.journal(deployment)).filter(
      (record) => record.kind === 'started' && record.step.startsWith('shift:'),
    );
    expect(moved).toEqual([]);
  });

  test('and goes back when only production fails; the report has every request', async () => {
    await expectInProduction('1.0.0');
    const { exitCode, json } = await live.deploy('3.0.0');
    expect(exitCode, JSON.stringify(json)).toBe(4);
    expect(json).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_TEST_FAILED' } });
    const served = await fetch(await live.url());
    expect(served.headers.get('x-version')).toBe('1.0.0');
    expect(soleColour(await live.forwards())).toBeDefined();
    const out = path.join(live.folder, 'report.html');
    await live.succeeds('report', ENVIRONMENT, must(json.deployment), '--out', out);
    const page = await readFile(out, 'utf8');
    expect(page).toContain('<h2 id="tests">Tests</h2>');
    expect(page).toContain('find a name on the second page');
    expect(page).toContain('the header x-version is &quot;3.0.0&quot; instead of &quot;1.0.0&quot;');
  });
});
