/** Database migrations end to end: from here and on an instance, and what becomes of a command at a kill. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { groupIsAlive } from '../../automation/sandbox/lifecycle/processes';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { ENVIRONMENT } from '../support/e2e-project';
import { must, until } from '../support/until';

let live: LiveEnvironment;
/** One line for each run: phase, range, release and the one before it. */
let told: string;
/** While it is there, a command that expands stays at work, and writes its process into it. */
let gate: string;

const MIGRATE = `
  const { appendFileSync, existsSync, writeFileSync } = require('node:fs');
  const [told, gate] = process.argv.slice(1);
  const { env } = process;
  const line = [env.BASCULE_MIGRATE_PHASE, env.BASCULE_MIGRATE_FROM + '-' + env.BASCULE_MIGRATE_TO,
    env.BASCULE_VERSION, env.BASCULE_FORMER_VERSION].join(' ');
  appendFileSync(told, line + '\\n');
  console.log('did ' + line);
  if (env.BASCULE_MIGRATE_PHASE === 'expand' && existsSync(gate)) {
    writeFileSync(gate, String(process.pid));
    setInterval(() => {}, 1000);
  }`;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service);
  told = path.join(live.folder, 'told');
  gate = path.join(live.folder, 'gate');
  const expand = { command: [process.execPath, '-e', MIGRATE, told, gate] };
  const contract = { ...expand, on: 'instance' as const };
  await live.change((settings) => Object.assign(settings.deployment, { migrate: { expand, contract } }));
});

afterAll(() => live?.dispose());

/** A release that declares the range of schemas it works with. */
async function bake(version: string, schema: string): Promise<void> {
  const app = path.join(live.folder, `app-${version}`);
  await cp(apps.service, app, { recursive: true });
  await writeFile(path.join(app, 'bascule.yaml'), `schema: ${schema}\n`);
  await live.bake(version, app);
}

const runs = async (): Promise<string[]> => (await readFile(told, 'utf8')).trim().split('\n');

/** Begins a deployment and waits until its command to expand is at work; the command's process group. */
async function expanding(...args: string[]) {
  await writeFile(gate, '');
  const program = live.begin(...args);
  const group = await until(
    async () => Number(await readFile(gate, 'utf8')),
    (pid) => pid > 0,
    60,
  );
  return { program, group };
}

const endOf = (group: number): Promise<boolean> =>
  until(
    () => groupIsAlive(group),
    (alive) => !alive,
  );

describe('a release that changes the database', () => {
  test('has it expanded and contracted once, and cannot be taken back past that', async () => {
    await bake('2.0.0', '{ from: 3, to: 4 }');
    const { exitCode, json } = await live.deploy('2.0.0');
    expect(exitCode, JSON.stringify(json)).toBe(0);
    expect(await runs()).toEqual(['expand 3-4 2.0.0 1.0.0', 'contract 3-4 2.0.0 1.0.0']);
    expect(must(json.steps).map(({ step }) => step)).toContain(
      'contract the database for 2.0.0, on an instance of blue',
    );
    const records = await live.journal(must(json.deployment));
    expect(records).toContainEqual(
      expect.objectContaining({ kind: 'ran', facts: { output: 'did expand 3-4 2.0.0 1.0.0' } }),
    );
    const { database } = await live.status();
    expect(database).toMatchObject({ schema: { from: 3, to: 4 }, contract: { version: '2.0.0' } });
    const refused = await live.run('rollback', ENVIRONMENT);
    expect(refused.exitCode).toBe(2);
    expect(refused.json.error?.code).toBe('BASCULE_PAST_CONTRACT');
    expect(refused.json.error?.message).toContain(
      `1.0.0 declares no schema range, and deployment ${json.deployment}`,
    );
    expect(soleColour(await live.forwards())).toBe('blue');
  });

  test('whose driver is killed meanwhile has no command at work beside the one that is run again', async () => {
    await bake('3.0.0', '{ from: 4, to: 5 }');
    const killed = await expanding('deploy', ENVIRONMENT, '--version', '3.0.0');
    killed.program.signal('SIGKILL');
    await endOf(killed.group);
    const { program, group } = await expanding('resume', ENVIRONMENT);
    expect((await runs()).filter((line) => line === 'expand 4-5 3.0.0 2.0.0')).toHaveLength(2);
    // The first Ctrl-C lets it go on, and says so; the second ends it.
    program.signal('SIGINT');
    await program.says(/once the migration has ended/);
    expect(await groupIsAlive(group)).toBe(true);
    program.signal('SIGINT');
    const { exitCode, json } = await live.answerOf(program);
    expect(exitCode).toBe(5);
    expect(json).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_MIGRATION_ENDED' } });
    await endOf(group);
    expect(soleColour(await live.forwards())).toBe('blue');
    const back = await live.run('abort', ENVIRONMENT);
    expect(back.exitCode, back.stdout + back.stderr).toBe(3);
  });
});
