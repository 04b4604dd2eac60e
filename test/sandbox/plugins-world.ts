/** The sandbox's Pulumi plugins on the real engine, against a control plane of the test's own. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  LocalWorkspace,
  PulumiCommand,
  type EngineEvent,
  type PulumiFn,
  type Stack,
} from '@pulumi/pulumi/automation';
import { ensureEngine } from '../../automation/engine';
import { placePlugins } from '../../automation/sandbox/lifecycle/plugins';
import { Plane } from './moto-plane';

const PROJECT = path.resolve(__dirname, '../..');
export const REGION = 'eu-west-3';

/** Steps of an update by resource, for example `update web`, in the engine's words. */
export type Steps = string[];

export interface Outcome {
  steps: Steps;
  outputs: Record<string, unknown>;
}

export class PluginWorld {
  private constructor(
    readonly plane: Plane,
    readonly folder: string,
    readonly env: Record<string, string>,
    private readonly command: PulumiCommand,
  ) {}

  static async start(): Promise<PluginWorld> {
    await promisify(execFile)(process.execPath, [path.join(PROJECT, 'scripts', 'build.mjs')]);
    const engine = await ensureEngine();
    const folder = await mkdtemp(path.join(tmpdir(), 'bascule-plugins-'));
    const home = path.join(folder, 'home');
    await Promise.all(['home', 'backend'].map((name) => mkdir(path.join(folder, name))));
    await placePlugins(home, (line) => {
      throw new Error(line);
    });
    const plane = await Plane.start();
    const env = {
      PATH: `${engine.folder}${path.delimiter}${process.env['PATH'] ?? ''}`,
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${path.join(folder, 'backend')}`,
      PULUMI_CONFIG_PASSPHRASE: 'test',
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      AWS_ENDPOINT_URL: plane.url,
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: REGION,
    };
    process.env['PATH'] = env.PATH;
    return new PluginWorld(plane, folder, env, await PulumiCommand.get({ skipVersionCheck: true }));
  }

  async dispose(): Promise<void> {
    await this.plane.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A stack that lasts as long as what is done with it, however that ends. */
  async inStack(name: string, program: PulumiFn, action: (stack: TestStack) => Promise<void>): Promise<void> {
    const stack = await this.stack(name, program);
    try {
      await action(stack);
    } finally {
      await stack.destroy();
    }
  }

  async stack(name: string, program: PulumiFn): Promise<TestStack> {
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName: name, projectName: 'plugins', program },
      { pulumiCommand: this.command, envVars: this.env, pulumiHome: this.env['PULUMI_HOME'] },
    );
    return new TestStack(stack);
  }
}

export class TestStack {
  constructor(readonly stack: Stack) {}

  set program(program: PulumiFn) {
    this.stack.workspace.program = program;
  }

  async up(): Promise<Outcome> {
    const steps: Steps = [];
    const result = await this.stack.up({ onEvent: collect(steps) });
    const outputs = Object.entries(result.outputs).map(([name, { value }]) => [name, value as unknown]);
    return { steps: steps.sort(), outputs: Object.fromEntries(outputs) as Record<string, unknown> };
  }

  async preview(): Promise<Steps> {
    const steps: Steps = [];
    await this.stack.preview({ onEvent: collect(steps) });
    return steps.sort();
  }

  /** What a refresh found changed; nothing when all is as it was. */
  async refresh(): Promise<Steps> {
    const steps: Steps = [];
    await this.stack.refresh({ onEvent: collect(steps) });
    return steps.sort();
  }

  async destroy(): Promise<void> {
    await this.stack.destroy();
  }
}

/** Notes every step that is not `same`, with the input paths that made it necessary. */
function collect(steps: Steps): (event: EngineEvent) => void {
  return ({ resOutputsEvent }) => {
    const step = resOutputsEvent?.metadata;
    if (!step || step.op === 'same' || step.type.startsWith('pulumi:')) return;
    const why = Object.keys(step.detailedDiff ?? {}).sort();
    steps.push(`${step.op} ${step.urn.split('::').at(-1)}${why.length > 0 ? ` (${why.join(', ')})` : ''}`);
  };
}
