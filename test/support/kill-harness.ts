/** The stage on which deployments are killed: an environment, a proxy before its AWS, machines, and a load. */
import { randomUUID } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { PASS, proxiedEnv, startAwsProxy, type AwsProxy } from './aws-proxy';
import { BASCULE, documentOf, Program, type Answer } from './command-line';
import { apps, LiveEnvironment } from './e2e';
import { changeSettings, ENVIRONMENT, type Settings } from './e2e-project';
import { KillLoad } from './kill-load';
import { WriteNames, type Write } from './kill-points';
import { markEnv, processesOf } from './kill-processes';
import { prepare, prepareAnew, rolesOf, type Scenario, type Stage } from './kill-scenarios';
import { isMoving, liveColour, worldOf, type WorldLines } from './kill-world';
import { until } from './until';

/** What an undisturbed run writes, and the worlds that it can leave. */
export interface Recording {
  writes: Write[];
  succeeded: WorldLines;
  /** The world after a run that was asked to stop before its cutover; empty where nobody asked for it. */
  turnedBack: WorldLines;
}

/** The repository's part of a project: what another machine has. */
const IN_REPOSITORY = ['Pulumi.yaml', `Pulumi.${ENVIRONMENT}.yaml`, 'Pulumi.image.yaml'];

/** Below what the fleets run, so that pinning the minimum and releasing it are both writes. */
const lowMinimum = (settings: Settings): void =>
  void Object.assign(settings.fleet, { minimum: 1, desired: 2 });

/** With a first release live in every region. */
async function begin(more: readonly string[]): Promise<LiveEnvironment> {
  const live = await LiveEnvironment.start((settings) => {
    lowMinimum(settings);
    Object.assign(settings, { regions: [...settings.regions, ...more] });
  });
  try {
    await live.changeImages({ regions: [...live.regions] });
    await Promise.all([live.succeeds('up', ENVIRONMENT), live.bake('1.0.0', apps.service)]);
    await live.succeeds('deploy', ENVIRONMENT, '--version', '1.0.0');
    return live;
  } catch (problem) {
    await live.dispose();
    throw problem;
  }
}

export class KillHarness implements Stage {
  private machines = 0;
  private readonly programs: Program[] = [];

  private constructor(
    readonly live: LiveEnvironment,
    readonly proxy: AwsProxy,
    readonly load: KillLoad,
  ) {}

  /** @param more Regions besides the one that has the bucket. */
  static async start(more: readonly string[] = []): Promise<KillHarness> {
    const live = await begin(more);
    try {
      for (const version of ['2.0.0', '3.0.0']) await live.bake(version, apps.service);
      const proxy = await startAwsProxy(live.info.endpoint);
      return new KillHarness(
        live,
        proxy,
        await KillLoad.start(await Promise.all(live.regions.map((region) => live.url(region)))),
      );
    } catch (problem) {
      await live.dispose();
      throw problem;
    }
  }

  async dispose(): Promise<void> {
    for (const program of this.programs) program.signal('SIGKILL');
    await Promise.allSettled([this.load.stop(), ...this.programs.map((program) => program.ended)]);
    await this.proxy.close();
    await this.live.dispose();
  }

  /** A folder with what the repository has and nothing else, as a fresh checkout on another machine. */
  private async machine(change?: (settings: Settings) => void): Promise<string> {
    this.machines += 1;
    const folder = path.join(this.live.folder, `machine-${this.machines}`);
    await mkdir(folder);
    const copies = IN_REPOSITORY.map((file) =>
      cp(path.join(this.live.project, file), path.join(folder, file)),
    );
    await Promise.all(copies);
    if (change !== undefined) await changeSettings(folder, change);
    return folder;
  }

  /** Starts a command on a machine of its own; everything that it starts bears the mark. */
  async begin(args: string[], mark: string, change?: (settings: Settings) => void): Promise<Program> {
    const folder = await this.machine(change);
    const program = new Program(process.execPath, [BASCULE, ...args, '--json', '--project', folder], {
      env: { ...proxiedEnv(this.live.env, this.proxy), ...markEnv(mark) },
      cwd: folder,
    });
    this.programs.push(program);
    return program;
  }

  /** Runs a command on a machine of its own to its end. */
  async run(
    args: string[],
    mark: string = randomUUID(),
    change?: (settings: Settings) => void,
  ): Promise<Answer> {
    const ended = await (await this.begin(args, mark, change)).ended;
    return { ...ended, json: documentOf(ended) };
  }

  /** Runs a scenario undisturbed, for the way back once more up to a stop on request, and keeps what they did and left. */
  async record(scenario: Scenario, wayBack: boolean): Promise<Recording> {
    await prepareAnew(this, scenario);
    const roles = await rolesOf(this.live, scenario);
    const mark = randomUUID();
    const writes: Write[] = [];
    const names = new WriteNames(await liveColour(this.live));
    this.proxy.onBefore = async (call) => {
      if (!call.write) return PASS;
      const name = names.next(call);
      const engine = (await processesOf(mark)).some(({ role }) => role === 'engine');
      writes.push({ ...name, engine, plugin: engine && call.service !== 's3' });
      return PASS;
    };
    const { exitCode, stderr, stdout } = await this.run(
      scenario.command(roles.target),
      mark,
      scenario.change,
    );
    this.proxy.onBefore = () => PASS;
    if (exitCode !== 0)
      throw new Error(`the undisturbed ${scenario.name} ended with ${exitCode}: ${stderr}${stdout}`);
    await this.settled();
    const succeeded = await worldOf(this.live, roles.roles);
    return { writes, succeeded, turnedBack: wayBack ? await this.turnedBack(scenario) : [] };
  }

  private async turnedBack(scenario: Scenario): Promise<WorldLines> {
    await prepare(this, scenario.start);
    const { roles, target } = await rolesOf(this.live, scenario);
    const program = await this.begin(scenario.command(target), randomUUID(), (settings) => {
      scenario.change?.(settings);
      settings.deployment.healthGate.consecutive = 100;
    });
    await program.says(/health gate of/);
    program.signal('SIGINT');
    const { exitCode, stderr } = await program.ended;
    if (exitCode !== 3) throw new Error(`the stopped ${scenario.name} ended with ${exitCode}: ${stderr}`);
    await this.settled();
    return worldOf(this.live, roles);
  }

  /** Waits until nothing comes or goes any more. */
  private async settled(): Promise<void> {
    await until(
      () => worldOf(this.live, {}),
      (lines) => !isMoving(lines),
      60,
    );
  }
}
