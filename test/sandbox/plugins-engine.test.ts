/** What the engine makes of the plugins: imports, replacements, secrets, failures, commands, and the CLI. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as aws from '@pulumi/aws';
import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import { DeleteSecurityGroupCommand } from '@aws-sdk/client-ec2';
import {
  CreateTargetGroupCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PluginWorld } from './plugins-world';
import { must } from '../support/until';

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
    const older = {
      Name: 'older',
      Port: 81,
      Protocol: 'HTTP',
      VpcId: vpcId,
      HealthCheckPath: '/up',
      HealthyThresholdCount: 3,
      UnhealthyThresholdCount: 3,
    } as const;
    const { TargetGroups } = await world.plane.elb().send(new CreateTargetGroupCommand(older));
    const id = must(TargetGroups?.[0]?.TargetGroupArn);
    const program = async () => {
      const args = { name: 'older', port: 81, protocol: 'HTTP', vpcId, healthCheck: { path: '/up' } };
      void new aws.lb.TargetGroup('older', args, { import: id });
    };
    await world.inStack('import', program, async (stack) => {
      expect((await stack.up()).steps).toEqual(['import older']);
      expect((await stack.up()).steps).toEqual([]);
    });
    expect(await targetGroups()).toEqual([]);
  });

  it('are replaced where AWS cannot change them, the old one first when its name is fixed', async () => {
    let port = 8080;
    const program = async () => {
      const args = { port, protocol: 'HTTP', vpcId };
      void new aws.lb.TargetGroup('automatic', args);
      void new aws.lb.TargetGroup('fixed', { ...args, name: 'fixed' });
    };
    await world.inStack('replace', program, async (stack) => {
      await stack.up();
      port = 8081;
      expect((await stack.up()).steps).toEqual([
        'create-replacement automatic (port)',
        'create-replacement fixed (port)',
        'delete-replaced automatic',
        'delete-replaced fixed',
        'replace automatic (port)',
        'replace fixed (port)',
      ]);
      expect(await targetGroups()).toEqual([
        expect.stringMatching(/^automatic-[0-9a-f]{7} 8081$/),
        'fixed 8081',
      ]);
    });
  });

  it('that others deleted are made again after a refresh', async () => {
    const program = async () => {
      const group = new aws.ec2.SecurityGroup('web', { vpcId, description: 'gone', name: 'gone' });
      return { id: group.id };
    };
    await world.inStack('gone', program, async (stack) => {
      const { outputs } = await stack.up();
      await world.plane.ec2().send(new DeleteSecurityGroupCommand({ GroupId: String(outputs['id']) }));
      await stack.refresh();
      expect((await stack.up()).steps).toEqual(['create web']);
    });
  });

  it('are kept in the state when they came to be only in part', async () => {
    let managedPolicyArns = ['arn:aws:iam::aws:policy/NoSuchPolicy'];
    const program = async () => {
      const assumeRolePolicy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
      void new aws.iam.Role('role', { assumeRolePolicy, managedPolicyArns });
    };
    await world.inStack('partial', program, async (stack) => {
      await expect(stack.up()).rejects.toThrow(/creating aws:iam\/role:Role: StatusCode: 404, NoSuchEntity/);
      const { resources } = (await stack.stack.exportStack()).deployment as { resources: { type: string }[] };
      expect(resources.map((one) => one.type)).toContain('aws:iam/role:Role');
      managedPolicyArns = [];
      expect((await stack.up()).steps).toEqual(['update role (managedPolicyArns)']);
    });
  });

  it('of other types, and inputs that AWS would refuse, fail before anything is made', async () => {
    const other = async () => void new aws.rds.Instance('db', { instanceClass: 'db.t3.micro' });
    await world.inStack('other', other, async (stack) => {
      await expect(stack.preview()).rejects.toThrow(
        /the sandbox has no aws:rds\/instance:Instance; it covers: /,
      );
    });
    const wrong = async () =>
      void new aws.lb.TargetGroup('b', { port: 70000, protocol: 'HTTPS', name: '-', vpcId });
    await world.inStack('wrong', wrong, async (stack) => {
      const failure = String(await stack.preview().catch((thrown: unknown) => thrown));
      expect(failure).toMatch(/property port value \{70000\} has a problem: must be between 1 and 65535/);
      expect(failure).toMatch(/property name value \{-\} has a problem: must have only letters/);
    });
    expect(await targetGroups()).toEqual([]);
  });
});

describe('commands', () => {
  it('run on this machine, once for the same program, and again as it changes', async () => {
    const file = path.join(world.folder, 'ran');
    let text = 'one';
    let trigger = 1;
    const program = async () => {
      const made = new command.local.Command('say', {
        create: `cat; echo "$WORD" | tee -a ${file}`,
        update: `echo "updated $WORD after $PULUMI_COMMAND_STDOUT" | tee -a ${file}`,
        delete: `echo deleted >> ${file}`,
        environment: { WORD: text },
        stdin: 'in ',
        triggers: [trigger, { nested: ['x'] }],
      });
      return { out: made.stdout };
    };
    await world.inStack('command', program, async (stack) => {
      expect((await stack.up()).outputs['out']).toBe('in one');
      expect((await stack.up()).steps).toEqual([]);
      text = 'two';
      const updated = {
        steps: ['update say (environment.WORD)'],
        outputs: { out: 'updated two after in one' },
      };
      expect(await stack.up()).toEqual(updated);
      trigger = 2;
      expect((await stack.up()).outputs['out']).toBe('in two');
    });
    const ran = ['one', 'updated two after in one', 'two', 'deleted', 'deleted', ''];
    expect((await readFile(file, 'utf8')).split('\n')).toEqual(ran);
  });

  it('say each line while they run, of the streams that were asked for', async () => {
    const file = path.join(world.folder, 'heard');
    const program = async () => {
      new command.local.Command('say', {
        create: `echo aloud >&2; until [ -e ${file} ]; do sleep 0.05; done; echo quiet`,
        logging: 'stderr',
      });
    };
    await world.inStack('streaming', program, async ({ stack }) => {
      const heard: string[] = [];
      await stack.up({
        onEvent: ({ diagnosticEvent }) => {
          if (diagnosticEvent?.urn?.endsWith('::say') !== true) return;
          heard.push(diagnosticEvent.message.trim());
          // The command ends only once its line has come.
          writeFileSync(file, '');
        },
      });
      expect(heard).toEqual(['aloud']);
    });
  });

  it('keep what is secret, and say what they wrote when they fail', async () => {
    let create = 'echo "got $WORD"';
    const program = async () => {
      const made = new command.local.Command('say', {
        create,
        environment: { WORD: pulumi.secret('hidden-word') },
      });
      return { out: made.stdout };
    };
    await world.inStack('secret', program, async (stack) => {
      await stack.up();
      expect((await stack.stack.outputs())['out']).toEqual({ value: 'got hidden-word', secret: true });
      const state = path.join(world.folder, 'backend', '.pulumi', 'stacks', 'plugins', 'secret.json');
      const kept = await readFile(state, 'utf8');
      expect(kept).toContain('command:local:Command');
      expect(kept).not.toContain('hidden-word');
      create = 'echo why >&2; exit 3';
      await expect(stack.up()).rejects.toThrow(/exit status 3: running "echo why >&2; exit 3":\s+why/);
    });
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
      `const aws = require('@pulumi/aws');
       const group = new aws.lb.TargetGroup('web', { port: 80, protocol: 'HTTP', vpcId: ${JSON.stringify(vpcId)} });
       exports.name = group.name;`,
    );
    await symlink(modules, path.join(folder, 'node_modules'));
    const pulumiCli = (...args: string[]) =>
      promisify(execFile)('pulumi', args, { cwd: folder, env: { ...process.env, ...world.env } });
    await pulumiCli('stack', 'init', 'dev');
    await pulumiCli('up', '--yes', '--skip-preview');
    expect(await targetGroups()).toEqual([expect.stringMatching(/^web-[0-9a-f]{7} 80$/)]);
    await pulumiCli('preview', '--expect-no-changes');
    const { stdout } = await pulumiCli('up', '--yes', '--expect-no-changes', '--skip-preview');
    expect(stdout).toContain('unchanged');
    const bucket = `imported-${Date.now()}`;
    await world.plane.s3().send(new CreateBucketCommand({ Bucket: bucket }));
    const token = 'aws:s3/bucket:Bucket';
    await pulumiCli('import', token, 'store', bucket, '--yes', '--generate-code=false', '--protect=false');
    const { stdout: state } = await pulumiCli('stack', 'export');
    expect(JSON.parse(state)).toMatchObject({
      deployment: {
        resources: expect.arrayContaining([expect.objectContaining({ type: token, id: bucket })]),
      },
    });
    await pulumiCli('destroy', '--yes', '--skip-preview');
    expect(await targetGroups()).toEqual([]);
  });
});
