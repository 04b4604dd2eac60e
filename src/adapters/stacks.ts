import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { EngineEvent, OpMap, PulumiCommand, PulumiFn, Stack } from '@pulumi/pulumi/automation';
import { LocalWorkspace } from '@pulumi/pulumi/automation/localWorkspace';
import { FLEET_KEY, fleetStackName, IMAGE_STACK, PROJECT, type EnvironmentConfig } from '../domain/config';
import type { Colour } from '../domain/colour';
import type { BakeOrder, Bakery, FleetTarget, ServiceOutputs, StackChanges, Stacks } from '../ports';
import { steadyCommand } from './engine-command';
import { Diagnostics, stackFailure } from './stack-failure';

const execute = promisify(execFile);

export interface StackPlace {
  /** The folder with Pulumi.yaml and the stacks' configuration files. */
  projectFolder: string;
  command: PulumiCommand;
}

const NOTHING: StackChanges = { created: 0, updated: 0, replaced: 0, deleted: 0, unchanged: 0 };

/** One Pulumi stack, run through the Automation API with its program inside this process. */
export class InlineStack {
  constructor(
    private readonly place: StackPlace,
    readonly name: string,
    private readonly program: PulumiFn,
  ) {}

  /** Applies the program. `settings` are keys of the stack's configuration, kept for plain `pulumi up`. */
  async up(settings: Record<string, unknown> = {}): Promise<StackChanges> {
    const stack = await this.open();
    await this.save(stack, settings);
    return this.observed((onEvent) => stack.up({ color: 'never', suppressProgress: true, onEvent }));
  }

  /** Shows what `up` would do with these settings; changes nothing, the kept settings included. */
  async preview(settings: Record<string, unknown> = {}): Promise<StackChanges> {
    const stack = await this.open();
    const before = await stack.workspace.stackSettings(this.name);
    await this.save(stack, settings);
    try {
      return await this.observed((onEvent) =>
        stack.preview({ color: 'never', suppressProgress: true, onEvent }),
      );
    } finally {
      await stack.workspace.saveStackSettings(this.name, before);
    }
  }

  /** Removes all resources, the stack, and its configuration file when `forget` is set. */
  async destroy(forget: boolean): Promise<StackChanges> {
    if (!(await this.exists())) return NOTHING;
    const stack = await this.open();
    const changes = await this.observed((onEvent) =>
      stack.destroy({ color: 'never', suppressProgress: true, onEvent }),
    );
    // The engine removes the configuration file with the stack; what people decided is not its to remove.
    await this.pulumi(['stack', 'rm', '--yes', '--preserve-config', '--stack', this.name]);
    if (forget) await rm(path.join(this.place.projectFolder, `Pulumi.${this.name}.yaml`), { force: true });
    return changes;
  }

  /** What the last update gave; undefined when there is no such stack, or it has no resources. */
  async outputs(): Promise<Record<string, unknown> | undefined> {
    try {
      const stdout = await this.pulumi(['stack', 'output', '--json', '--stack', this.name]);
      const outputs = JSON.parse(stdout) as Record<string, unknown>;
      return Object.keys(outputs).length === 0 ? undefined : outputs;
    } catch (thrown) {
      if (/no stack named/.test(String(thrown))) return undefined;
      throw stackFailure(this.name, thrown, new Diagnostics());
    }
  }

  private async exists(): Promise<boolean> {
    return (await this.outputs()) !== undefined || (await this.listed());
  }

  private async listed(): Promise<boolean> {
    const stdout = await this.pulumi(['stack', 'ls', '--json']);
    return (JSON.parse(stdout) as { name: string }[]).some(
      (stack) => stack.name.split('/').at(-1) === this.name,
    );
  }

  private async pulumi(args: string[]): Promise<string> {
    const { projectFolder, command } = this.place;
    const { stdout } = await execute(command.command, [...args, '--non-interactive'], {
      cwd: projectFolder,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  private async open(): Promise<Stack> {
    const { projectFolder, command } = this.place;
    try {
      return await LocalWorkspace.createOrSelectStack(
        { stackName: this.name, projectName: PROJECT, program: this.program },
        { workDir: projectFolder, pulumiCommand: steadyCommand(command) },
      );
    } catch (thrown) {
      throw stackFailure(this.name, thrown, new Diagnostics());
    }
  }

  /** Into the stack's own file, beside what else stands there. */
  private async save(stack: Stack, settings: Record<string, unknown>): Promise<void> {
    const before = await stack.workspace.stackSettings(this.name);
    const config = { ...before.config, ...(settings as NonNullable<typeof before.config>) };
    if (JSON.stringify(config) === JSON.stringify(before.config)) return;
    await stack.workspace.saveStackSettings(this.name, { ...before, config });
  }

  /** Runs an operation of the engine; the changes are what its events say of them. */
  private async observed(
    work: (onEvent: (event: EngineEvent) => void) => Promise<unknown>,
  ): Promise<StackChanges> {
    const diagnostics = new Diagnostics();
    let changes = NOTHING;
    try {
      await work((event) => {
        diagnostics.take(event);
        if (event.summaryEvent !== undefined) changes = changesOf(event.summaryEvent.resourceChanges);
      });
      return changes;
    } catch (thrown) {
      throw stackFailure(this.name, thrown, diagnostics);
    }
  }
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
    this.service = new InlineStack(place, environment, () => programs.service(config, environment));
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

  async previewFleet(target: FleetTarget): Promise<StackChanges> {
    const { version, capacity } = target;
    return this.fleet(target.region, target.colour).preview({ [FLEET_KEY]: { version, ...capacity } });
  }

  async destroyFleet(region: string, colour: Colour): Promise<StackChanges> {
    return this.fleet(region, colour).destroy(true);
  }

  async destroyService(): Promise<StackChanges> {
    return this.service.destroy(false);
  }

  private fleet(region: string, colour: Colour): InlineStack {
    const { environment } = this;
    const name = fleetStackName(environment, region, colour);
    return new InlineStack(this.place, name, () => this.programs.fleet({ environment, region, colour }));
  }
}

/** The stack of the bake. */
export class ImageStack implements Bakery {
  constructor(
    private readonly place: StackPlace,
    private readonly program: (order: BakeOrder) => Promise<Record<string, unknown>>,
  ) {}

  async bake(order: BakeOrder): Promise<Record<string, string>> {
    const stack = new InlineStack(this.place, IMAGE_STACK, () => this.program(order));
    await stack.up();
    return (await stack.outputs())?.['images'] as Record<string, string>;
  }
}
