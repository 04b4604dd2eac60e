import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PulumiCommand, PulumiFn } from '@pulumi/pulumi/automation';
import { LocalWorkspace } from '@pulumi/pulumi/automation/localWorkspace';
import { parse, stringify } from 'yaml';
import {
  ENVIRONMENT_KEY,
  FLEET_KEY,
  fleetStackName,
  impossibleChanges,
  parseEnvironment,
  pathText,
  PROJECT,
  type EnvironmentConfig,
} from '../domain/config';
import { BasculeError } from '../domain/errors';
import type { StackPreview } from '../domain/preview/preview';
import { protectionRefusals, resourceChanges, type EngineStep } from '../domain/preview/resource-diff';
import type { FleetTarget, ServiceOutputs, StackPreviews } from '../ports';
import { engineVariables } from './access';
import { signal, UPDATE_VARIABLE, updateMark, updateProcesses } from './engine-processes';
import { Diagnostics, stackFailure } from './stack-failure';
import { checkpointOf, outputsIn, protectedIn, readState, withoutRefusals } from './stack-preview-state';
import type { StackState } from './stack-state';
import type { StackPrograms } from './stacks';

export interface PreviewPlace {
  /** The folder with Pulumi.yaml and the stacks' configuration files; it is only read. */
  projectFolder: string;
  command: PulumiCommand;
}

/** What the Automation API calls of a command; its types leave it out. */
interface Runnable {
  run: (args: string[], ...rest: unknown[]) => Promise<{ stdout: string; stderr: string; code: number }>;
}

const NO_ANSWER = { stdout: '', stderr: '', code: 0 };

type About = Omit<StackPreview, 'resources' | 'unchanged' | 'refused'>;

/** What one run of the engine needs. */
interface Run {
  stack: string;
  program: PulumiFn;
  /** Keys of the stack's configuration, beside what stands in its file. */
  settings: Record<string, unknown>;
  /** By stack, with all that the program refers to; undefined for one that does not exist. */
  states: Record<string, StackState | undefined>;
  /** By URN, before the state was changed for the sake of the preview. */
  isProtected: (urn: string) => boolean;
}

/**
 * What the engine would do to the stacks of one environment. It works on copies of state and settings in a folder
 * for the time of one preview: nothing is written to where Pulumi keeps them, no stack is made, no lock is taken
 * or respected, and a deployment that runs is not in its way.
 */
export class PulumiStackPreviews implements StackPreviews {
  private serviceState: Promise<StackState | undefined> | undefined;
  private readonly folders = new Set<string>();
  /** Names the engines and plugins of these previews, and no update's. */
  private readonly mark: string;
  private isAbandoned = false;

  constructor(
    private readonly place: PreviewPlace,
    private readonly environment: string,
    private readonly config: EnvironmentConfig,
    private readonly programs: StackPrograms,
  ) {
    this.mark = updateMark(previewName(environment));
  }

  async outputs(): Promise<ServiceOutputs | undefined> {
    const outputs = outputsIn(await this.stateOfService());
    return outputs['regions'] === undefined ? undefined : (outputs as unknown as ServiceOutputs);
  }

  async service(): Promise<StackPreview> {
    const { environment: stack, config, programs } = this;
    const state = await this.stateOfService();
    const refused = this.impossible(outputsIn(state)['config']);
    // The program compares with what was applied last, and would stop before it shows anything.
    const states = { [stack]: withoutRefusals(state, refused.length > 0 ? ['config'] : []) };
    const program: PulumiFn = () => programs.service(config, stack);
    const about: About = { stack, kind: 'service', region: null, applied: 'by-up' };
    const run = { stack, program, settings: {}, states, isProtected: protectionIn(state) };
    return this.previewed(about, run, refused);
  }

  async fleet(target: FleetTarget): Promise<StackPreview> {
    const { environment } = this;
    const { region, colour, version, capacity } = target;
    const stack = fleetStackName(environment, region, colour);
    const [service, own] = await Promise.all([this.stateOfService(), this.read(stack)]);
    const regions = outputsIn(service)['regions'] as Record<string, unknown> | undefined;
    if (regions?.[region] === undefined) throw serviceMissing(environment, region);
    const states = { [environment]: service, [stack]: withoutRefusals(own) };
    const program: PulumiFn = () => this.programs.fleet({ environment, region, colour });
    const about: About = { stack, kind: 'fleet', region, applied: 'by-deploy' };
    const settings = { [FLEET_KEY]: { version, ...capacity } };
    return this.previewed(about, { stack, program, settings, states, isProtected: protectionIn(own) }, []);
  }

  /** What the service's program refuses to change once the environment exists. */
  private impossible(applied: unknown): string[] {
    const before = parseEnvironment(this.environment, applied ?? {});
    if (applied === undefined || !before.ok) return [];
    return impossibleChanges(before.config, this.config).map(
      ({ path: key, message }) =>
        `Pulumi.${this.environment}.yaml: ${ENVIRONMENT_KEY}.${pathText(key)}: ${message}`,
    );
  }

  /** Read once, so that all previews tell of the same moment. */
  private stateOfService(): Promise<StackState | undefined> {
    return (this.serviceState ??= this.read(this.environment));
  }

  private read(stack: string): Promise<StackState | undefined> {
    const { projectFolder, command } = this.place;
    return readState({ projectFolder, command, stack }).catch((thrown: unknown) => {
      throw stackFailure(stack, thrown, new Diagnostics());
    });
  }

  private async previewed(about: About, run: Run, refused: readonly string[]): Promise<StackPreview> {
    const folder = mkdtempSync(path.join(tmpdir(), 'bascule-preview-'));
    this.folders.add(folder);
    try {
      const steps = await this.steps(folder, run);
      const reasons = [...refused, ...protectionRefusals(steps, run.isProtected)];
      return { ...about, ...resourceChanges(steps), ...(reasons.length > 0 ? { refused: reasons } : {}) };
    } finally {
      await rm(folder, { recursive: true, force: true });
      this.folders.delete(folder);
    }
  }

  /**
   * Ends what was begun and leaves nothing of it, plugins included, which would outlive their engine. For a process
   * that is about to be ended: nothing of these previews is answered any more.
   */
  async abandon(): Promise<void> {
    this.isAbandoned = true;
    const started = await updateProcesses(previewName(this.environment));
    for (const { pid, update } of started) if (update === this.mark) signal(pid, 'SIGKILL');
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }

  private async steps(folder: string, run: Run): Promise<EngineStep[]> {
    const { projectFolder } = this.place;
    const [backend, configFile, variables] = await Promise.all([
      writeBackend(folder, run.states),
      this.writeSettings(folder, run),
      engineVariables(),
    ]);
    const steps: EngineStep[] = [];
    const diagnostics = new Diagnostics();
    try {
      const stack = await LocalWorkspace.selectStack(
        { stackName: run.stack, projectName: PROJECT, program: run.program },
        {
          workDir: projectFolder,
          pulumiCommand: this.command(),
          envVars: { ...variables, PULUMI_BACKEND_URL: backend, [UPDATE_VARIABLE]: this.mark },
        },
      );
      await stack.preview({
        color: 'never',
        suppressProgress: true,
        configFile,
        onEvent: (event) => {
          diagnostics.take(event);
          if (event.resourcePreEvent !== undefined) steps.push(event.resourcePreEvent.metadata);
        },
      });
    } catch (thrown) {
      throw stackFailure(run.stack, thrown, diagnostics);
    }
    return steps;
  }

  /** The settings that the stack would have, beside the salt or the key of its secrets. */
  private async writeSettings(folder: string, { stack, settings }: Run): Promise<string> {
    const name = `Pulumi.${stack}.yaml`;
    const text = await readFile(path.join(this.place.projectFolder, name), 'utf8').catch(
      (thrown: unknown) => {
        // On a machine that never worked on the stack.
        if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return '';
        throw thrown;
      },
    );
    const before = (parse(text) ?? {}) as { config?: Record<string, unknown> };
    const file = path.join(folder, name);
    await writeFile(file, stringify({ ...before, config: { ...before.config, ...settings } }));
    return file;
  }

  /** Without what the Automation API asks of a stack before it previews it: each a start of the engine. */
  private command(): PulumiCommand {
    const command = this.place.command as PulumiCommand & Runnable;
    const quick: Runnable = {
      run: (args, ...rest) => {
        if (args[0] === 'stack') return Promise.resolve(NO_ANSWER);
        if (this.isAbandoned) return new Promise(() => undefined);
        // While the engine begins; what cannot be loaded is told by the program itself.
        setImmediate(() => void this.programs.load?.().catch(() => undefined));
        return command.run(args, ...rest);
      },
    };
    return Object.assign(Object.create(command) as PulumiCommand, quick);
  }
}

/** A backend in a folder, with these stacks alone. Gives its address. */
async function writeBackend(
  folder: string,
  states: Readonly<Record<string, StackState | undefined>>,
): Promise<string> {
  const backend = path.join(folder, 'backend');
  const stacks = path.join(backend, '.pulumi', 'stacks', PROJECT);
  await mkdir(stacks, { recursive: true });
  await Promise.all([
    writeFile(path.join(backend, '.pulumi', 'meta.yaml'), 'version: 1\n'),
    ...Object.entries(states).map(([stack, state]) =>
      writeFile(path.join(stacks, `${stack}.json`), checkpointOf(stack, state)),
    ),
  ]);
  return pathToFileURL(backend).href;
}

/** No stack's name: whoever looks for the updates of a stack does not find its previews. */
function previewName(environment: string): string {
  return `preview:${environment}`;
}

function protectionIn(state: StackState | undefined): (urn: string) => boolean {
  const urns = protectedIn(state);
  return (urn) => urns.has(urn);
}

function serviceMissing(environment: string, region: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NOT_UP',
    message: `${environment} is not up in ${region}: its stack has no resources there, and what a fleet would be made of is not known yet.`,
    next: `Make it: \`bascule up ${environment}\`.`,
  });
}
