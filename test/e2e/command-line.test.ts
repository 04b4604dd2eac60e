/** What holds for every command, with nothing behind it: help, refusals, one JSON document, completion. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { withoutAws } from '../../automation/sandbox';
import { BASCULE, documentOf, Program, type Document, type Ended } from '../support/command-line';
import { changeSettings, ENVIRONMENT, writeProject } from '../support/e2e-project';

/** Each command with what it needs to be parsed. */
const COMMANDS: Record<string, string[]> = {
  rehearse: [],
  bake: ['1.0.0', '--app', '.'],
  up: [ENVIRONMENT],
  deploy: [ENVIRONMENT, '--version', '1.0.0'],
  rollback: [ENVIRONMENT],
  status: [ENVIRONMENT],
  history: [ENVIRONMENT],
  retire: [ENVIRONMENT],
  down: [ENVIRONMENT],
  resume: [ENVIRONMENT],
  abort: [ENVIRONMENT],
  watch: [ENVIRONMENT],
  advance: [ENVIRONMENT],
  pause: [ENVIRONMENT],
  pending: [],
  notify: [ENVIRONMENT],
  doctor: [],
  'sandbox start': [],
  'sandbox stop': [],
  'sandbox status': [],
  'sandbox env': [],
  'sandbox reset': [],
  'sandbox inject': ['none'],
};
const OF_ENVIRONMENT = ['up', 'deploy', 'rollback', 'status', 'history', 'retire', 'resume', 'abort'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-cli-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the command line with credentials of nobody and an endpoint where nothing listens. */
function bascule(...args: string[]): Promise<Ended> {
  const nowhere = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
    AWS_MAX_ATTEMPTS: '1',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const env = { ...withoutAws(process.env), ...nowhere };
  return new Program(process.execPath, [BASCULE, ...args], { env, cwd: folder }).ended;
}

describe.each(Object.entries(COMMANDS))('bascule %s', (name, needed) => {
  const words = name.split(' ');

  test('has help with an example', async () => {
    const { exitCode, stdout, stderr } = await bascule(...words, '--help');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(`bascule ${name}`);
    expect(stdout).toMatch(new RegExp(`Examples:\\s+(eval "\\$\\()?bascule ${name}`));
  });

  test('refuses an option that it does not know, in words and as JSON', async () => {
    const words2 = [...words, ...needed, '--colours', 'red'];
    const plain = await bascule(...words2);
    expect({ exitCode: plain.exitCode, stdout: plain.stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(plain.stderr).toMatch(/^error BASCULE_USAGE: .*colours\nnext: `bascule [^`]+ --help`[^\n]*\n$/);
    const json = documentOf<Document>(await bascule(...words2, '--json'));
    expect(json).toMatchObject({ exitCode: 2, error: { code: 'BASCULE_USAGE' } });
    expect(json.error?.message).toContain('colours');
  });
});

test('the help names every command and the exit codes', async () => {
  const { exitCode, stdout } = await bascule('--help');
  expect(exitCode).toBe(0);
  for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(`bascule ${name.split(' ')[0]}`);
  expect(stdout).toMatch(
    /0 succeeded; 2 bad input.*3 failed.*4 rolled back.*5 halted.*6 another deployment/s,
  );
});

test('a command that is misspelt is refused with the nearest one', async () => {
  const { exitCode, stderr } = await bascule('depoly', ENVIRONMENT);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('deploy');
});

test('no command at all, and a command without its environment, are refused', async () => {
  for (const args of [[], ['deploy'], ['deploy', ENVIRONMENT], ['sandbox']]) {
    const { exitCode, stdout, stderr } = await bascule(...args);
    expect([args, exitCode, stdout]).toEqual([args, 2, '']);
    expect(stderr).toMatch(/^error BASCULE_USAGE: [^\n]+\nnext: /);
  }
  const json = documentOf<Document>(await bascule('deploy', ENVIRONMENT, '--json'));
  expect(json).toMatchObject({ exitCode: 2, error: { code: 'BASCULE_USAGE' } });
  expect(json.error?.message).toContain('version');
});

test('the script for shell completion completes commands and options', async () => {
  const script = await bascule('completion');
  expect(script.exitCode).toBe(0);
  expect(script.stdout).toContain('bascule --get-yargs-completions');
  const commands = await bascule('--get-yargs-completions', 'bascule', 'de');
  expect(commands.stdout.split('\n')).toContain('deploy');
  const options = await bascule('--get-yargs-completions', 'bascule', 'deploy', '--for');
  expect(options.stdout.split('\n')).toContain('--force');
});

describe('a project that is not right', () => {
  test('without its environment: every command says which file is missing', async () => {
    const project = path.join(folder, 'empty');
    await writeProject({ folder: project, bucket: 'nobodys-bucket', region: 'eu-west-3' });
    for (const name of OF_ENVIRONMENT) {
      const needed = (COMMANDS[name] ?? []).map((word) => (word === ENVIRONMENT ? 'staging' : word));
      const { exitCode, ...ended } = await bascule(name, ...needed, '--json', '--project', project);
      const json = documentOf<Document>({ exitCode, ...ended });
      expect([name, exitCode, json.exitCode, json.error?.code]).toEqual([
        name,
        2,
        2,
        'BASCULE_CONFIG_MISSING',
      ]);
      expect(json.error?.message).toContain('Pulumi.staging.yaml');
    }
  });

  test('without Pulumi.yaml: says that it is none', async () => {
    const json = documentOf<Document>(await bascule('status', ENVIRONMENT, '--json', '--project', tmpdir()));
    expect(json).toMatchObject({ exitCode: 2, error: { code: 'BASCULE_PROJECT_MISSING' } });
  });

  test('with several mistakes: all of them are listed at once, each with its path', async () => {
    const project = path.join(folder, 'mistaken');
    await writeProject({ folder: project, bucket: 'nobodys-bucket', region: 'eu-west-3' });
    await changeSettings(project, (settings) => {
      settings.fleet.minimum = 5;
      settings.targets.healthCheck.timeoutSeconds = 60;
      Object.assign(settings.deployment, { soakSecond: 5 });
      Object.assign(settings.listeners.test, { port: '8081' });
      Object.assign(settings.targets, { name: 'a-name-that-is-longer-than-it-may-be' });
    });
    const json = documentOf<Document>(
      await bascule('deploy', ENVIRONMENT, '--version', '1.0.0', '--json', '--project', project),
    );
    expect(json).toMatchObject({ exitCode: 2, error: { code: 'BASCULE_CONFIG_INVALID' } });
    const text = json.error?.details.join('\n');
    for (const where of [
      /fleet/,
      /targets\.healthCheck/,
      /deployment.*soakSecond/,
      /listeners\.test\.port/,
      /targets\.name/,
    ])
      expect(text).toMatch(where);
  });

  test('with a file that is no YAML: says where', async () => {
    const project = path.join(folder, 'torn');
    await writeProject({ folder: project, bucket: 'nobodys-bucket', region: 'eu-west-3' });
    await writeFile(path.join(project, `Pulumi.${ENVIRONMENT}.yaml`), `${stringify({ config: {} })}  - [`);
    const json = documentOf<Document>(await bascule('status', ENVIRONMENT, '--json', '--project', project));
    expect(json).toMatchObject({ exitCode: 2, error: { code: 'BASCULE_CONFIG_INVALID' } });
    expect(json.error?.details.join('\n')).toContain(`Pulumi.${ENVIRONMENT}.yaml`);
  });
});

test('AWS that does not answer is told in one document, not in a stack trace', async () => {
  const project = path.join(folder, 'unreachable');
  await writeProject({ folder: project, bucket: 'nobodys-bucket', region: 'eu-west-3' });
  const ended = await bascule('up', ENVIRONMENT, '--json', '--project', project);
  const json = documentOf<Document>(ended);
  expect(json.exitCode).toBe(ended.exitCode);
  expect(json.error?.message).toBeTruthy();
  expect(json.error?.code).not.toBe('BASCULE_UNEXPECTED');
  expect(ended.stderr).not.toMatch(/^\s+at /m);
});
