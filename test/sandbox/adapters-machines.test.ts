/** Commands on real instances of the sandbox, over its Systems Manager. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CancelCommandCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock';
import { AwsMachines } from '../../src/adapters/machines';
import { parseEnvironment } from '../../src/domain/config';
import { policyFor } from '../../src/domain/iam/policy';
import { environmentScope } from '../../src/domain/iam/scope';
import { machineScript } from '../../src/domain/machine-run';
import type { MachineCommand } from '../../src/ports';
import { PASS, startAwsProxy, throttling, type AwsProxy } from '../support/aws-proxy';
import { environment as settings } from '../support/config';
import { allows } from '../support/iam-evaluation';
import { permissionsOf } from '../support/iam-permissions';
import { LiveSandbox } from '../support/live-sandbox';
import { until } from '../support/until';

let sandbox: LiveSandbox;
let proxy: AwsProxy;
let image: string;
let instance: string;
const instances = new Set<string>();
let runs = 0;
let mark: string;
const environment = { ...process.env };
const ACCOUNT = '123456789012';
const TAGS = { service: 'shop', environment: 'production' };

beforeAll(async () => {
  sandbox = await LiveSandbox.start();
  proxy = await startAwsProxy(sandbox.info.endpoint);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: proxy.url,
    AWS_ACCESS_KEY_ID: 'sandbox',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
  });
  image = await sandbox.bake('hello', '1.0.0');
  instance = await booted();
}, 120_000);

afterAll(async () => {
  process.env = environment;
  await proxy?.close();
  await sandbox?.dispose();
});

beforeEach(() => {
  runs += 1;
  mark = path.join(sandbox.folder, `mark-${runs}`);
});

afterEach(() => {
  proxy.onBefore = () => PASS;
  proxy.onAfter = () => PASS;
});

async function booted(): Promise<string> {
  const id = await sandbox.run(image, TAGS, '#!/bin/sh\n#bascule:environment {"DATABASE":"orders"}\n');
  instances.add(id);
  await sandbox.reaches(id, 'running');
  return id;
}

function order(script: string, changes: Partial<MachineCommand> = {}): MachineCommand {
  return {
    name: `bascule ${runs} expand`,
    service: 'hello',
    version: '1.0.0',
    command: ['sh', '-c', script],
    environment: {},
    timeoutSeconds: 60,
    ...changes,
  };
}

const never = new AbortController().signal;

function run(given: MachineCommand, signal = never, id = instance) {
  return new AwsMachines(systemClock).run(sandbox.info.region, id, given, signal);
}

const marked = () => readFile(mark, 'utf8').catch(() => '');

/** A command that leaves a line each time it runs, and goes on until a file is there. */
const holding = () => order(`echo run >>${mark}; until [ -e ${mark}-go ]; do sleep 0.1; done; echo went on`);
const begun = () => until(marked, (text) => text !== '');
const go = () => writeFile(`${mark}-go`, '');

describe('a command on an instance', () => {
  it('runs in the folder of the release with its environment, and tells its code and output', async () => {
    const script = 'echo "$DATABASE $PHASE $BASCULE_INSTANCE_ID"; ls server.js; echo no >&2; exit 3';
    expect(await run(order(script, { environment: { PHASE: 'expand' } }))).toEqual({
      ending: { kind: 'exited', code: 3 },
      output: `orders expand ${instance}\nserver.js\nno`,
    });
    const again = order('true', { name: `bascule ${runs} contract` });
    expect(await run(again)).toEqual({ ending: { kind: 'exited', code: 0 }, output: '' });
  });

  it('is ended at its time-out, with what it had printed', async () => {
    expect(await run(order('echo begun; sleep 100', { timeoutSeconds: 3 }))).toEqual({
      ending: { kind: 'timed-out' },
      output: 'begun',
    });
  });

  it('is found again by its name when the driver that began it was killed', async () => {
    const given = holding();
    const ssm = new SSMClient({ ...sandbox.options(), endpoint: proxy.url });
    // What a killed driver leaves behind.
    await ssm.send(
      new SendCommandCommand({
        DocumentName: 'AWS-RunShellScript',
        InstanceIds: [instance],
        Comment: given.name,
        Parameters: { commands: [machineScript(given)] },
      }),
    );
    ssm.destroy();
    await begun();
    const found = run(given);
    await go();
    expect(await found).toEqual({ ending: { kind: 'exited', code: 0 }, output: 'went on' });
    expect(await run(given)).toEqual({ ending: { kind: 'exited', code: 0 }, output: 'went on' });
    expect(await marked()).toBe('run\n');
  });

  it('runs once although the answer to its sending was lost, and a later question was refused', async () => {
    const lost = new Set<string>();
    const first = (action: string) => !lost.has(action) && lost.add(action).size > 0;
    proxy.onAfter = ({ action }) =>
      action === 'SendCommand' && first(action) ? { kind: 'reset-after' } : PASS;
    proxy.onBefore = (call) =>
      call.action === 'GetCommandInvocation' && first(call.action) ? throttling(call) : PASS;
    expect(await run(order(`echo run >>${mark}; echo done`))).toEqual({
      ending: { kind: 'exited', code: 0 },
      output: 'done',
    });
    expect([...lost].sort()).toEqual(['GetCommandInvocation', 'SendCommand']);
    expect(await marked()).toBe('run\n');
  });

  it('is neither lost nor repeated when control plane and daemon are killed under it', async () => {
    const given = holding();
    const running = run(given);
    await begun();
    for (const part of ['daemon', 'control plane'] as const)
      process.kill(await sandbox.part(part), 'SIGKILL');
    await until(
      () => sandbox.status(),
      ({ state }) => state === 'stopped' || state === 'partly',
    );
    await sandbox.startAgain();
    await go();
    expect(await running).toEqual({ ending: { kind: 'exited', code: 0 }, output: 'went on' });
    expect(await marked()).toBe('run\n');
  });

  it('is ended by its signal, with what it had printed', async () => {
    const given = order(`echo begun; echo run >>${mark}; sleep 100`);
    const leaving = new AbortController();
    const running = run(given, leaving.signal);
    await begun();
    leaving.abort();
    expect(await running).toEqual({
      ending: { kind: 'gone', why: 'it was ended on request' },
      output: 'begun',
    });
  });

  it('is ended by a cancellation, of which a driver then knows no more than that', async () => {
    const given = holding();
    const running = run(given);
    await begun();
    const ssm = new SSMClient(sandbox.options());
    const { CommandInvocations = [] } = await ssm.send(
      new ListCommandInvocationsCommand({ InstanceId: instance }),
    );
    const [newest] = CommandInvocations;
    expect(newest).toMatchObject({ Comment: given.name, Status: 'InProgress' });
    await ssm.send(new CancelCommandCommand({ CommandId: newest?.CommandId }));
    ssm.destroy();
    expect((await running).ending).toMatchObject({
      kind: 'gone',
      why: expect.stringContaining('Cancelled'),
    });
  });

  it('is gone with its instance, and does not begin on one that does not run', async () => {
    const other = await booted();
    const given = holding();
    const running = run(given, never, other);
    await begun();
    await sandbox.terminate(other);
    expect((await running).ending).toMatchObject({ kind: 'gone', why: expect.stringContaining(other) });
    await until(sandboxProcesses, (commands) => commands.every((line) => !line.includes(`${mark}-go`)));
    const late = await run(order(`touch ${mark}-late`, { name: `bascule ${runs} late` }), never, other);
    expect(late.ending).toMatchObject({ kind: 'not-started', why: expect.stringContaining('terminated') });
    expect(existsSync(`${mark}-late`)).toBe(false);
  });
});

describe('a command for an instance that does not take it', () => {
  const impatient = { registrationSeconds: 0, deliverySeconds: 1, silenceSeconds: 10 };
  const run = (given: MachineCommand, id: string) =>
    new AwsMachines(systemClock, impatient).run(sandbox.info.region, id, given, never);

  it('says what an instance needs that Systems Manager does not know', async () => {
    proxy.onBefore = ({ action }) =>
      action === 'SendCommand' ? { kind: 'answer', status: 400, code: 'InvalidInstanceId' } : PASS;
    expect((await run(order('true'), instance)).ending).toEqual({
      kind: 'not-started',
      why: `Systems Manager does not take commands for ${instance}: injected by the test`,
      next: expect.stringContaining('AmazonSSMManagedInstanceCore'),
    });
  });

  it('never runs it later where nobody was there to take it in time', async () => {
    // Nothing runs on it, and so no agent either.
    const silent = await sandbox.run(await sandbox.register('silent-1.0.0', {}), TAGS);
    instances.add(silent);
    expect((await run(order('true'), silent)).ending).toMatchObject({
      kind: 'not-started',
      why: expect.stringContaining('DeliveryTimedOut'),
    });
  });
});

describe('the policy of a deployment with a hook on an instance', () => {
  it('allows all that running commands asks of AWS', () => {
    const parsed = parseEnvironment(
      'production',
      settings((input) => {
        input.regions = [sandbox.info.region];
        input['deployment'] = { migrate: { expand: { command: ['true'], on: 'instance' } } };
      }),
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const scope = environmentScope('production', parsed.config, { state: null, account: ACCOUNT });
    const policy = policyFor({ use: 'deploy', scope });
    const place = {
      region: sandbox.info.region,
      account: ACCOUNT,
      role: '',
      tags: new Map([...instances].map((id) => [id, TAGS])),
    };
    const asked = proxy.calls.flatMap((call) => permissionsOf(call, place));
    expect(new Set(asked.map(({ action }) => action))).toEqual(
      new Set([
        ...['ssm:ListCommands', 'ssm:SendCommand', 'ssm:GetCommandInvocation'],
        'ec2:DescribeInstances',
      ]),
    );
    expect(asked.filter((one) => !allows(policy, one))).toEqual([]);
  });
});

async function sandboxProcesses(): Promise<string[]> {
  const pids = await sandbox.processes();
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}
