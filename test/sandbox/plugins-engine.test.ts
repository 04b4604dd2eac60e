/** What the engine makes of the plugins: imports, replacements, secrets, failures, commands, and the CLI. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as aws from '@pulumi/aws';
import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import { CreateSecurityGroupCommand } from '@aws-sdk/client-ec2';
import {
  CreateTargetGroupCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PluginWorld } from './plugins-world';
import { must } from './moto-plane';

let world: PluginWorld;
let vpcId = '';

beforeAll(async () => {
  world = await PluginWorld.start();
  vpcId = (await world.plane.subnets()).vpc;
});

afterAll(() => world?.dispose());

async function targetGroups(): Promise<string[]> {
  const { TargetGroups = [] } = await world.plane.elb().send(new DescribeTargetGroupsCommand({}));
  return TargetGroups.map((one) => `${one.TargetGroupName} ${one.Port}`).sort();
}

describe('resources', () => {
  it('that exist are taken over by an import', async () => {
    const { TargetGroups } = await world.plane
      .elb()
      .send(
        new CreateTargetGroupCommand({
          Name: 'older',
          Port: 81,
          Protocol: 'HTTP',
          VpcId: vpcId,
          HealthCheckPath: '/up',
        }),
      );
    const id = must(TargetGroups?.[0]?.TargetGroupArn);
    const stack = await world.stack('import', async () => {
      const healthCheck = { path: '/up' };
      const args = { name: 'older', port: 81, protocol: 'HTTP', vpcId, healthCheck };
      void new aws.lb.TargetGroup('older', args, { import: id });
    });
    expect((await stack.up()).steps).toEqual(['import older']);
    expect((await stack.up()).steps).toEqual([]);
    await stack.destroy();
    expect(await targetGroups()).toEqual([]);
  });

  it('are replaced where AWS cannot change them, the new one first unless the name is fixed', async () => {
    let port = 8080;
    const stack = await world.stack('replace', async () => {
      const args = { port, protocol: 'HTTP', vpcId };
      void new aws.lb.TargetGroup('automatic', args);
      void new aws.lb.TargetGroup('fixed', { ...args, name: 'fixed' });
    });
    await stack.up();
    port = 8081;
    const { steps } = await stack.up();
    expect(steps).toEqual([
      'create-replacement automatic (port)',
      'create-replacement fixed (port)',
      'delete-replaced automatic (port)',
      'delete-replaced fixed (port)',
      'replace automatic (port)',
      'replace fixed (port)',
    ]);
    expect(await targetGroups()).toEqual([
      expect.stringMatching(/^automatic-[0-9a-f]{7} 8081$/),
      'fixed 8081',
    ]);
    await stack.destroy();
  });

  it('that others deleted are made again after a refresh', async () => {
    const stack = await world.stack('gone', async () => {
      void new aws.ec2.SecurityGroup('web', { vpcId, description: 'gone', name: 'gone' });
    });
    await stack.up();
    const id = must((await stack.stack.exportStack()).deployment.resources.at(-1)).id as string;
    await world.plane
      .ec2()
      .send(new (await import('@aws-sdk/client-ec2')).DeleteSecurityGroupCommand({ GroupId: id }));
    await stack.refresh();
    expect((await stack.up()).steps).toEqual(['create web']);
    await stack.destroy();
  });

  it('are kept in the state when they came to be only in part', async () => {
    await world.plane
      .ec2()
      .send(new CreateSecurityGroupCommand({ GroupName: 'taken', Description: 'x', VpcId: vpcId }));
    let taken = true;
    const stack = await world.stack('partial', async () => {
      const name = taken ? 'taken' : 'free';
      void new aws.ec2.SecurityGroup('web', { vpcId, name, description: 'partial' });
      void new aws.iam.Role('role', {
        assumeRolePolicy: '{}',
        managedPolicyArns: taken ? ['arn:aws:iam::aws:policy/NoSuchPolicy'] : [],
      });
    });
    await expect(stack.up()).rejects.toThrow(/InvalidGroup.Duplicate[\s\S]*|NoSuchEntity/);
    const types = (await stack.stack.exportStack()).deployment.resources.map(
      (one: { type: string }) => one.type,
    );
    expect(types).toContain('aws:iam/role:Role');
    expect(types).not.toContain('aws:ec2/securityGroup:SecurityGroup');
    taken = false;
    await stack.up();
    await stack.destroy();
  });

  it('of other types, and inputs that AWS would refuse, fail before anything is made', async () => {
    const other = await world.stack('other', async () => {
      void new aws.rds.Instance('db', { instanceClass: 'db.t3.micro' });
    });
    await expect(other.preview()).rejects.toThrow(
      /the sandbox has no aws:rds\/instance:Instance; it covers: /,
    );
    const wrong = await world.stack('wrong', async () => {
      void new aws.lb.TargetGroup('a', { name: 'x'.repeat(33), port: 80, protocol: 'HTTP', vpcId });
      void new aws.lb.TargetGroup('b', { port: 70000, protocol: 'HTTP', vpcId });
    });
    await expect(wrong.preview()).rejects.toThrow(
      /name: must have at most 32[\s\S]*port: must be between|port: must be between[\s\S]*name: must have at most 32/,
    );
    expect(await targetGroups()).toEqual([]);
  });
});

describe('commands', () => {
  it('run on this machine, once for the same program, and again as it changes', async () => {
    const file = path.join(world.folder, 'ran');
    let text = 'one';
    let trigger = 1;
    const stack = await world.stack('command', async () => {
      const made = new command.local.Command('say', {
        create: `cat; echo "$WORD" | tee -a ${file}`,
        update: `echo "updated $WORD after $PULUMI_COMMAND_STDOUT" | tee -a ${file}`,
        delete: `echo deleted >> ${file}`,
        environment: { WORD: text },
        stdin: 'in ',
        triggers: [trigger, { nested: ['x'] }],
      });
      return { out: made.stdout };
    });
    expect((await stack.up()).outputs['out']).toBe('in one');
    expect((await stack.up()).steps).toEqual([]);
    text = 'two';
    expect(await stack.up()).toEqual({
      steps: ['update say (environment.WORD)'],
      outputs: { out: 'updated two after in one' },
    });
    trigger = 2;
    expect((await stack.up()).outputs['out']).toBe('in two');
    await stack.destroy();
    expect((await readFile(file, 'utf8')).split('\n')).toEqual([
      'one',
      'updated two after in one',
      'two',
      'deleted',
      'deleted',
      '',
    ]);
  });

  it('keep what is secret, and say what they wrote when they fail', async () => {
    const stack = await world.stack('secret', async () => {
      const word = pulumi.secret('hidden-word');
      const made = new command.local.Command('say', {
        create: 'echo "got $WORD"',
        environment: { WORD: word },
      });
      return { out: made.stdout };
    });
    await stack.up();
    expect((await stack.stack.outputs())['out']).toEqual({ value: 'got hidden-word', secret: true });
    expect(JSON.stringify(await stack.stack.exportStack())).not.toContain('hidden-word');
    stack.program = async () => {
      void new command.local.Command('fail', { create: 'echo why >&2; exit 3' });
    };
    await expect(stack.up()).rejects.toThrow(/exit status 3: running "echo why >&2; exit 3":\s+why/);
    await stack.destroy();
  });
});

describe('the command line', () => {
  it('runs the same programs, compiled', async () => {
    const folder = path.join(world.folder, 'cli');
    await mkdir(folder, { recursive: true });
    const modules = path.resolve(__dirname, '../../node_modules');
    await writeFile(path.join(folder, 'Pulumi.yaml'), 'name: cli\nruntime: nodejs\nmain: index.js\n');
    await writeFile(
      path.join(folder, 'index.js'),
      `const aws = require(${JSON.stringify(path.join(modules, '@pulumi/aws'))});
       const group = new aws.lb.TargetGroup('web', { port: 80, protocol: 'HTTP', vpcId: ${JSON.stringify(vpcId)} });
       exports.name = group.name;`,
    );
    await promisify((await import('node:fs')).symlink)(modules, path.join(folder, 'node_modules'));
    const pulumiCli = (...args: string[]) =>
      promisify(execFile)('pulumi', args, { cwd: folder, env: { ...process.env, ...world.env } });
    await pulumiCli('stack', 'init', 'dev');
    await pulumiCli('up', '--yes', '--skip-preview');
    expect(await targetGroups()).toEqual([expect.stringMatching(/^web-[0-9a-f]{7} 80$/)]);
    await pulumiCli('preview', '--expect-no-changes');
    const { stdout } = await pulumiCli('up', '--yes', '--expect-no-changes', '--skip-preview');
    expect(stdout).toContain('unchanged');
    await pulumiCli('destroy', '--yes', '--skip-preview');
    expect(await targetGroups()).toEqual([]);
  });
});
