/** Bascule's own stacks on the real engine, in a sandbox whose every AWS call can be held, broken or followed by a kill. */
import path from 'node:path';
import {
  DescribeAutoScalingGroupsCommand,
  AutoScalingClient,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import { DescribeLaunchTemplatesCommand } from '@aws-sdk/client-ec2';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { PulumiCommand } from '@pulumi/pulumi/automation';
import { ensureEngine } from '../../automation/engine';
import { sandboxEnv, withoutAws, SANDBOX_BUCKET, SANDBOX_REGION } from '../../automation/sandbox';
import { isEngine, processOf, updateProcesses } from '../../src/adapters/engine-processes';
import { loadEnvironmentFile } from '../../src/adapters/config-file';
import { parseState, type StackState } from '../../src/adapters/stack-state';
import type { Patience } from '../../src/adapters/stack-wait';
import { PulumiStacks } from '../../src/adapters/stacks';
import type { FleetTarget } from '../../src/ports';
import { fleetProgram } from '../../stacks/fleet';
import { serviceProgram } from '../../stacks/service';
import { PASS, proxiedEnv, startAwsProxy, type AwsCall, type AwsProxy, type Fault } from './aws-proxy';
import { Program } from './command-line';
import { ENVIRONMENT, SERVICE, writeProject, type Settings } from './e2e-project';
import { LiveSandbox } from './live-sandbox';
import { freePort } from './ports';
import { must, until } from './until';

export const FLEET_STACK = `${ENVIRONMENT}.${SANDBOX_REGION}.green`;
export const FLEET = `${SERVICE}-${ENVIRONMENT}-green`;
const DRIVER = path.join(__dirname, 'stack-driver.mjs');

export const green = (version: string): FleetTarget => ({
  region: SANDBOX_REGION,
  colour: 'green',
  version,
  capacity: { minimum: 1, maximum: 2, desired: 1 },
});

type When = 'before' | 'after';

/** A call that waits to be let go. */
export interface Held {
  reached: Promise<AwsCall>;
  release(): void;
}

export class StackWorld {
  readonly notes: string[] = [];
  private readonly drivers: Program[] = [];

  private constructor(
    readonly sandbox: LiveSandbox,
    readonly proxy: AwsProxy,
    readonly env: NodeJS.ProcessEnv,
    private readonly command: PulumiCommand,
  ) {}

  /** Changes this process's environment to the sandbox's, for the driver that runs in it. */
  static async start(change: (settings: Settings) => void = () => undefined): Promise<StackWorld> {
    const sandbox = await LiveSandbox.start();
    try {
      const proxy = await startAwsProxy(sandbox.info.endpoint);
      const engine = await ensureEngine();
      const direct = { ...withoutAws(process.env), ...sandboxEnv(sandbox.info) };
      const PATH = `${engine.folder}${path.delimiter}${process.env['PATH'] ?? ''}`;
      const env = { ...proxiedEnv(direct, proxy), PATH };
      for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
      Object.assign(process.env, env);
      const [production, test] = [await freePort(), await freePort()];
      const place = { folder: projectIn(sandbox), bucket: SANDBOX_BUCKET, region: SANDBOX_REGION };
      await writeProject(place, (settings) => {
        settings.listeners.production.port = production;
        settings.listeners.test.port = test;
        settings.fleet.minimum = 1;
        change(settings);
      });
      await sandbox.register('shop-1.0.0', { service: SERVICE, version: '1.0.0' });
      return new StackWorld(sandbox, proxy, env, await PulumiCommand.get({ skipVersionCheck: true }));
    } catch (problem) {
      await sandbox.dispose();
      throw problem;
    }
  }

  async dispose(): Promise<void> {
    this.unhook();
    for (const driver of this.drivers) driver.signal('SIGKILL');
    for (const stack of [ENVIRONMENT, FLEET_STACK])
      for (const { pid } of await updateProcesses(stack)) kill(pid);
    await this.proxy.close();
    await this.sandbox.dispose();
  }

  /** The stacks as a driver in this process has them, with what it is told. */
  async stacks(patience: Partial<Patience> = {}): Promise<PulumiStacks> {
    const projectFolder = projectIn(this.sandbox);
    const note = (text: string): void => void this.notes.push(text);
    const place = { projectFolder, command: this.command, note, patience };
    const config = await loadEnvironmentFile(projectFolder, ENVIRONMENT);
    return new PulumiStacks(place, ENVIRONMENT, config, { service: serviceProgram, fleet: fleetProgram });
  }

  /** A driver in a process of its own. */
  begin(what: 'up' | 'green:1.0.0'): Program {
    const args = [DRIVER, projectIn(this.sandbox), ENVIRONMENT, what];
    const driver = new Program(process.execPath, args, { env: this.env });
    this.drivers.push(driver);
    return driver;
  }

  /** Plain pulumi, as a person runs it in the project. */
  pulumi(...args: string[]): Program {
    const program = new Program('pulumi', [...args, '--non-interactive', '--color', 'never'], {
      env: this.env,
      cwd: projectIn(this.sandbox),
    });
    this.drivers.push(program);
    return program;
  }

  /** Holds the next call of an action, before it reaches AWS or after it took effect. */
  hold(action: string, when: When): Held {
    let arrived: (call: AwsCall) => void;
    let release = (): void => undefined;
    const reached = new Promise<AwsCall>((resolve) => (arrived = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    let done = false;
    const hook = async (call: AwsCall): Promise<Fault> => {
      if (call.action !== action || done) return PASS;
      done = true;
      arrived(call);
      await released;
      return PASS;
    };
    if (when === 'before') this.proxy.onBefore = hook;
    else this.proxy.onAfter = hook;
    return { reached, release };
  }

  /** Loses the answer of the next call of an action, after it took effect. */
  loseAnswer(action: string): void {
    let done = false;
    this.proxy.onAfter = (call) => {
      if (call.action !== action || done) return PASS;
      done = true;
      return { kind: 'reset-after' };
    };
  }

  unhook(): void {
    this.proxy.onBefore = () => PASS;
    this.proxy.onAfter = () => PASS;
  }

  /** Runs a driver up to a call, and kills it there together with its engine; its plugins are left. */
  async killAt(what: 'up' | 'green:1.0.0', action: string, when: When): Promise<void> {
    const held = this.hold(action, when);
    const driver = this.begin(what);
    const early = driver.ended.then(({ stdout, stderr }) => {
      throw new Error(`the driver ended before ${action}:\n${stdout}\n${stderr}`);
    });
    await Promise.race([held.reached, early]);
    early.catch(() => undefined);
    const engine = await this.engine(what === 'up' ? ENVIRONMENT : FLEET_STACK);
    driver.signal('SIGKILL');
    kill(engine);
    await driver.ended;
    await until(
      () => processOf(engine),
      (found) => found === undefined,
    );
    held.release();
    this.unhook();
  }

  async engine(stack: string): Promise<number> {
    return must((await updateProcesses(stack)).find(isEngine)?.pid, `engine of ${stack}`);
  }

  async state(stack: string): Promise<StackState> {
    const { stdout, stderr } = await this.pulumi('stack', 'export', '--stack', stack).ended;
    if (stdout === '') throw new Error(stderr);
    return parseState(stdout);
  }

  /** The keys of a stack's locks in Pulumi's backend. */
  async locks(stack: string): Promise<string[]> {
    const Prefix = `.pulumi/locks/organization/bascule/${stack}/`;
    const answer = await this.sandbox.s3().send(new ListObjectsV2Command({ Bucket: SANDBOX_BUCKET, Prefix }));
    return (answer.Contents ?? []).map(({ Key }) => Key ?? '');
  }

  /** Rewrites a stack's lock as another machine's. */
  async moveLock(stack: string, hostname: string): Promise<void> {
    const s3 = this.sandbox.s3();
    const Key = must((await this.locks(stack))[0], `lock of ${stack}`);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: SANDBOX_BUCKET, Key }));
    const lock = JSON.parse(await must(Body).transformToString()) as object;
    const body = JSON.stringify({ ...lock, hostname });
    await s3.send(new PutObjectCommand({ Bucket: SANDBOX_BUCKET, Key, Body: body }));
  }

  async launchTemplates(): Promise<string[]> {
    const { LaunchTemplates = [] } = await this.sandbox.ec2().send(new DescribeLaunchTemplatesCommand({}));
    return LaunchTemplates.map(({ LaunchTemplateName }) => LaunchTemplateName ?? '');
  }

  async groups(): Promise<string[]> {
    return (await this.describeGroups()).map(({ AutoScalingGroupName }) => AutoScalingGroupName ?? '');
  }

  /** Of each group, its minimum and maximum. */
  async limits(): Promise<[number | undefined, number | undefined][]> {
    return (await this.describeGroups()).map(({ MinSize, MaxSize }) => [MinSize, MaxSize]);
  }

  private async describeGroups(): Promise<AutoScalingGroup[]> {
    const client = new AutoScalingClient(this.sandbox.options());
    const { AutoScalingGroups = [] } = await client.send(new DescribeAutoScalingGroupsCommand({}));
    return AutoScalingGroups;
  }

  /** What an undisturbed update would never leave behind. */
  async leftovers(stack: string): Promise<{ locks: string[]; pending: number; processes: string[] }> {
    const { deployment } = await this.state(stack);
    return {
      locks: await this.locks(stack),
      pending: deployment.pending_operations?.length ?? 0,
      processes: (await updateProcesses(stack)).map(({ command }) => command),
    };
  }
}

export const NO_LEFTOVERS = { locks: [], pending: 0, processes: [] };

function projectIn(sandbox: LiveSandbox): string {
  return path.join(sandbox.folder, 'project');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
