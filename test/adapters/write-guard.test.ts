import { createServer, type Server } from 'node:http';
import { AutoScalingClient, SuspendProcessesCommand } from '@aws-sdk/client-auto-scaling';
import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
  ModifyRuleCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { constructClients } from '../../src/adapters/aws';
import { CALL_LIMITS } from '../../src/adapters/aws-retries';
import { guarded, guardedCommands, guardedStacks, guardWrites } from '../../src/adapters/write-guard';
import { BasculeError } from '../../src/domain/errors';
import type { Stacks } from '../../src/ports';
import { freePort } from '../support/ports';

let server: Server;
let port: number;
/** The actions that were sent, in order. */
let sent: string[];
let refusals: number;

beforeEach(async () => {
  sent = [];
  refusals = 0;
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      sent.push(/Action=(\w+)/.exec(body)?.[1] ?? body);
      response.writeHead(sent.length <= refusals ? 503 : 200, { 'content-type': 'text/xml' });
      response.end('<Answer/>');
    });
  });
  port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
});

afterEach(async () => {
  guardWrites(undefined);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const options = () => ({
  endpoint: `http://127.0.0.1:${port}`,
  region: 'eu-west-3',
  credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
});
const elb = () => guarded(new ElasticLoadBalancingV2Client(options()));
const modify = () => elb().send(new ModifyRuleCommand({ RuleArn: 'arn:rule' }));
const displaced = new BasculeError({ code: 'BASCULE_DISPLACED', message: 'displaced', next: 'nothing' });

describe('a client whose writes ask first', () => {
  it('sends neither a write of its own nor of another service once nothing may be written', async () => {
    guardWrites(() => Promise.reject(displaced));
    await expect(modify()).rejects.toBe(displaced);
    const suspend = new SuspendProcessesCommand({ AutoScalingGroupName: 'shop' });
    await expect(guarded(new AutoScalingClient(options())).send(suspend)).rejects.toBe(displaced);
    expect(sent).toEqual([]);
  });

  it('reads all the same', async () => {
    guardWrites(() => Promise.reject(displaced));
    await elb().send(new DescribeRulesCommand({}));
    expect(sent).toEqual(['DescribeRules']);
  });

  it('asks before each attempt: a process may be paused between two of them', async () => {
    refusals = 9;
    let asked = 0;
    guardWrites(async () => {
      asked += 1;
      if (asked === 2) throw displaced;
    });
    await expect(modify()).rejects.toBe(displaced);
    expect(sent).toEqual(['ModifyRule']);
  });

  it('writes while it may, and without a guard', async () => {
    guardWrites(() => Promise.resolve());
    await modify();
    guardWrites(undefined);
    await modify();
    expect(sent).toEqual(['ModifyRule', 'ModifyRule']);
  });
});

it('holds for every client that deployments write with, and tells the reason as it is', async () => {
  const before = { ...process.env };
  const { endpoint, credentials } = options();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  });
  try {
    const clients = constructClients('eu-west-3', true, CALL_LIMITS);
    guardWrites(() => Promise.reject(displaced));
    const suspend = new SuspendProcessesCommand({ AutoScalingGroupName: 'shop' });
    await expect(clients.autoScaling.send(suspend)).rejects.toBe(displaced);
    await expect(clients.elb.send(new ModifyRuleCommand({ RuleArn: 'arn:rule' }))).rejects.toBe(displaced);
    const terminate = new TerminateInstancesCommand({ InstanceIds: ['i-1'] });
    await expect(clients.ec2.send(terminate)).rejects.toBe(displaced);
    expect(sent).toEqual([]);
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
});

it('stacks are not applied once nothing may be written', async () => {
  const done: string[] = [];
  const note = (what: string) => async () => void done.push(what);
  const stacks = guardedStacks({
    applyFleet: note('apply'),
    destroyFleet: note('destroy'),
  } as unknown as Stacks);
  const target = {
    region: 'a',
    colour: 'blue',
    version: '1',
    capacity: { minimum: 1, maximum: 1, desired: 1 },
  } as const;
  guardWrites(() => Promise.reject(displaced));
  await expect(stacks.applyFleet(target)).rejects.toBe(displaced);
  await expect(stacks.destroyFleet('a', 'blue')).rejects.toBe(displaced);
  guardWrites(undefined);
  await stacks.applyFleet(target);
  expect(done).toEqual(['apply']);
});

it('no command of the user’s is begun once nothing may be written', async () => {
  const begun: string[] = [];
  const commands = guardedCommands({
    run: (order) => {
      begun.push(order.command.join(' '));
      return Promise.resolve({ ending: { kind: 'exited', code: 0 }, output: '' });
    },
  });
  const order = { command: ['migrate'], environment: {}, timeoutSeconds: 60 };
  const never = new AbortController().signal;
  guardWrites(() => Promise.reject(displaced));
  await expect(commands.run(order, never)).rejects.toBe(displaced);
  expect(begun).toEqual([]);
  guardWrites(undefined);
  await commands.run(order, never);
  expect(begun).toEqual(['migrate']);
});
