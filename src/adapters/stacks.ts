import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { EngineEvent, OpMap, PulumiFn, Stack, StackSettings } from '@pulumi/pulumi/automation';
import { FLEET_KEY, fleetStackName, PROJECT, type EnvironmentConfig } from '../domain/config';
import type { Colour } from '../domain/colour';
import type { FleetTarget, ServiceOutputs, StackChanges, Stacks } from '../ports';
import { messageOf } from '../domain/errors';
import { EngineEnded, runEngine, steadyCommand, type EnginePlace } from './engine-command';
import { Diagnostics, isLocked, stackFailure } from './stack-failure';
import { StackMender } from './stack-mending';
import type { EngineCommand } from './pulumi-command';
import { outputsIn, readState } from './stack-reading';
import { hasProtected, type StackState } from './stack-state';
import type { Patience } from './stack-wait';

export interface StackPlace {
  /** The folder with Pulumi.yaml and the stacks' configuration files. */
  projectFolder: string;
  command: EngineCommand;
  /** Told of what was found of earlier updates that were broken off, and what was done about it. */
  note?: (text: string) => void;
  /** How long the holders of a locked stack are borne with; each has a default. */
  patience?: Partial<Patience>;
}

type EventListener = (event: EngineEvent) => void;

const ignore = (): void => undefined;

/** What came of one run of the engine. */
type Run =
  { kind: 'done'; changes: StackChanges } | { kind: 'failed'; thrown: unknown; diagnostics: Diagnostics };

/** Of each kind of mending after a failure; more than that is no leftover but a fault. */
const KILLS = 1;
const RECOVERIES = 5;

const NOTHING: StackChanges = { created: 0, updated: 0, replaced: 0, deleted: 0, unchanged: 0 };

/** One Pulumi stack, run through the Automation API with its program inside this process. */
export class InlineStack {
  constructor(
    private readonly place: StackPlace,
    readonly name: string,
    private readonly program: PulumiFn,
    /** Loads what the program is made of; safe to repeat. */
    private readonly load?: () => Promise<unknown>,
  ) {}

  /**
   * Applies the program. `settings` are keys of the stack's configuration, kept for plain `pulumi up`; `hear` is
   * told each of the engine's events.
   */
  async up(settings: Record<string, unknown> = {}, hear: EventListener = ignore): Promise<StackChanges> {
    return this.mending(async (mender) => {
      // What cannot be loaded is told by the program itself.
      const load = (): unknown => this.load?.().catch(() => undefined);
      const { stack, state } = await this.open(load);
      if (state !== undefined) await mender.prepare(state);
      await this.save(stack, settings);
      return observed((onEvent) => stack.up({ color: 'never', suppressProgress: true, onEvent }), hear);
    });
  }

  /** Removes all resources, the stack, and its configuration file when `forget` is set. */
  async destroy(forget: boolean): Promise<StackChanges> {
    if ((await this.state()) === undefined) return NOTHING;
    const changes = await this.mending(async (mender) => {
      const { stack, state } = await this.open();
      if (state !== undefined) await mender.prepare(state);
      // Whoever takes a stack away through Bascule was asked before; the protection is for those who do it by hand.
      if (state !== undefined && hasProtected(state))
        await runEngine(this.enginePlace(), ['state', 'unprotect', '--all', '--yes']);
      return observed((onEvent) => stack.destroy({ color: 'never', suppressProgress: true, onEvent }));
    });
    // The engine removes the configuration file with the stack; what people decided is not its to remove.
    await this.told(runEngine(this.enginePlace(), ['stack', 'rm', '--yes', '--preserve-config']));
    if (forget) await rm(path.join(this.place.projectFolder, `Pulumi.${this.name}.yaml`), { force: true });
    return changes;
  }

  /** Runs an operation, and once more for each leftover of an earlier one that was in its way and is mended. */
  private async mending(operation: (mender: StackMender) => Promise<Run>): Promise<StackChanges> {
    const { note = () => undefined, patience } = this.place;
    const mender = new StackMender(this.enginePlace(), note, patience);
    for (let kills = 0, recoveries = 0; ;) {
      const run = await operation(mender).catch(failed);
      if (run.kind === 'done') return run.changes;
      const { thrown, diagnostics } = run;
      if (isLocked(thrown)) {
        if ((await this.told(mender.afterRefusal(messageOf(thrown)))) === 'try-again') continue;
      } else if (thrown instanceof EngineEnded) {
        // Any other signal was meant: to end it, and not to have it begin again.
        const again = thrown.signal === 'SIGKILL' && ++kills <= KILLS;
        await mender.afterKill(again);
        if (again) continue;
      } else if (++recoveries <= RECOVERIES) {
        if (await this.told(mender.recover(diagnostics.uncreated))) continue;
      }
      throw stackFailure(this.name, thrown, diagnostics);
    }
  }

  /** What the last update gave; undefined when there is no such stack, or it has no resources. */
  async outputs(): Promise<Record<string, unknown> | undefined> {
    const outputs = outputsIn(await this.state());
    return Object.keys(outputs).length === 0 ? undefined : outputs;
  }

  private state(): Promise<StackState | undefined> {
    return this.told(readState(this.enginePlace()));
  }

  /** A command beside the updates fails in the same words as they do, and for the same reasons. */
  private told<T>(work: Promise<T>): Promise<T> {
    return work.catch((thrown: unknown) => {
      throw stackFailure(this.name, thrown, new Diagnostics());
    });
  }

  /** The stack, made if need be, and its state if it had one. */
  private async open(meanwhile?: () => void): Promise<{ stack: Stack; state: StackState | undefined }> {
    let state: StackState | undefined;
    const place = { ...this.enginePlace(), meanwhile };
    const command = await steadyCommand(place, async () => (state = await this.state()) !== undefined);
    // Only here: half of the time that a command takes to begin would go into it, and few of them run a program.
    const { LocalWorkspace } = await import('@pulumi/pulumi/automation/localWorkspace.js');
    try {
      const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: this.name, projectName: PROJECT, program: this.program },
        { workDir: this.place.projectFolder, pulumiCommand: command },
      );
      return { stack, state };
    } catch (thrown) {
      throw stackFailure(this.name, thrown, new Diagnostics());
    }
  }

  private enginePlace(): EnginePlace {
    const { projectFolder, command } = this.place;
    return { projectFolder, command, stack: this.name };
  }

  /** What stands in the stack's own file; nothing on a machine that never worked on the stack. */
  private settings(stack: Stack): Promise<StackSettings> {
    return stack.workspace.stackSettings(this.name).catch((thrown: unknown) => {
      if (/failed to find stack settings file/.test(String(thrown))) return {};
      throw thrown;
    });
  }

  /** Into the stack's own file, beside what else stands there. */
  private async save(stack: Stack, settings: Record<string, unknown>): Promise<void> {
    const before = await this.settings(stack);
    const config = { ...before.config, ...(settings as NonNullable<typeof before.config>) };
    if (JSON.stringify(config) === JSON.stringify(before.config)) return;
    await stack.workspace.saveStackSettings(this.name, { ...before, config });
  }
}

/** Runs an operation of the engine; the changes are what its events say of them. */
async function observed(
  work: (onEvent: EventListener) => Promise<unknown>,
  hear: EventListener = ignore,
): Promise<Run> {
  const diagnostics = new Diagnostics();
  let changes = NOTHING;
  try {
    await work((event) => {
      hear(event);
      diagnostics.take(event);
      if (event.summaryEvent !== undefined) changes = changesOf(event.summaryEvent.resourceChanges);
    });
    return { kind: 'done', changes };
  } catch (thrown) {
    return { kind: 'failed', thrown, diagnostics };
  }
}

/** What failed before the engine said anything of it. */
function failed(thrown: unknown): Run {
  return { kind: 'failed', thrown, diagnostics: new Diagnostics() };
}

/** Counts of an update, each replacement once. */
function changesOf(summary: OpMap): StackChanges {
  return {
    created: summary.create ?? 0,
    updated: summary.update ?? 0,
    replaced: summary.replace ?? summary['create-replacement'] ?? 0,
    deleted: summary.delete ?? 0,
    unchanged: summary.same ?? 0,
  };
}

export interface StackPrograms {
  service: (config: EnvironmentConfig, environment: string) => Promise<Record<string, unknown>>;
  fleet: (place: { environment: string; region: string; colour: Colour }) => Promise<Record<string, unknown>>;
  /** Loads what they are made of, which takes as long as the engine takes to begin; safe to repeat. */
  load?: () => Promise<unknown>;
}

/** The stacks of one environment. */
export class PulumiStacks implements Stacks {
  private readonly service: InlineStack;

  constructor(
    private readonly place: StackPlace,
    private readonly environment: string,
    config: EnvironmentConfig,
    private readonly programs: StackPrograms,
  ) {
    this.service = new InlineStack(
      place,
      environment,
      () => programs.service(config, environment),
      programs.load,
    );
  }

  async upService(): Promise<StackChanges> {
    return this.service.up();
  }

  async outputs(): Promise<ServiceOutputs | undefined> {
    const outputs = await this.service.outputs();
    return outputs?.['regions'] === undefined ? undefined : (outputs as unknown as ServiceOutputs);
  }

  async applyFleet(target: FleetTarget): Promise<StackChanges> {
    const { version, capacity } = target;
    return this.fleet(target.region, target.colour).up({ [FLEET_KEY]: { version, ...capacity } });
  }

  async destroyFleet(region: string, colour: Colour): Promise<StackChanges> {
    return this.fleet(region, colour).destroy(true);
  }

  async destroyService(): Promise<StackChanges> {
    return this.service.destroy(false);
  }

  private fleet(region: string, colour: Colour): InlineStack {
    const { environment, programs } = this;
    const name = fleetStackName(environment, region, colour);
    const program: PulumiFn = () => programs.fleet({ environment, region, colour });
    return new InlineStack(this.place, name, program, programs.load);
  }
}
