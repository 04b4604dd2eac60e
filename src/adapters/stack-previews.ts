import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
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
import type { EnginePlace } from './engine-command';
import { processesOf, signal, UPDATE_VARIABLE, updateMark } from './engine-processes';
import type { PreviewEngine, ShownProgram } from './preview-engine';
import { Diagnostics, stackFailure } from './stack-failure';
import { checkpointOf, protectedIn, withoutRefusals } from './stack-preview-state';
import { outputsIn, readState } from './stack-reading';
import type { StackState } from './stack-state';

/** `projectFolder` is only read. */
export type PreviewPlace = Pick<EnginePlace, 'projectFolder' | 'command'>;

type About = Omit<StackPreview, 'resources' | 'unchanged' | 'refused'>;

/**
 * An engine that lives for seconds collects its garbage less often; of large stacks it does once it holds 2 GiB
 * (Go's documentation, "A Guide to the Go Garbage Collector"). Whoever set these knows better.
 */
function shortLived(): Record<string, string> {
  const isSet = process.env['GOGC'] !== undefined || process.env['GOMEMLIMIT'] !== undefined;
  return isSet ? {} : { GOGC: '400', GOMEMLIMIT: '2GiB' };
}

/** What one run of the engine needs. */
interface Run {
  stack: string;
  program: ShownProgram;
  /** Keys of the stack's configuration, beside what stands in its file. */
  settings: Record<string, unknown>;
  /** By stack, with all that the program refers to; undefined for one that does not exist. */
  states: Record<string, StackState | undefined>;
  /** By URN, before the state was changed for the sake of the preview. */
  isProtected: (urn: string) => boolean;
  begun?: (() => void) | undefined;
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

  constructor(
    private readonly place: PreviewPlace,
    private readonly environment: string,
    private readonly config: EnvironmentConfig,
    private readonly engine: PreviewEngine,
  ) {
    this.mark = updateMark(previewName(environment));
  }

  async outputs(): Promise<ServiceOutputs | undefined> {
    const outputs = outputsIn(await this.stateOfService());
    return outputs['regions'] === undefined ? undefined : (outputs as unknown as ServiceOutputs);
  }

  async service(begun?: () => void): Promise<StackPreview> {
    const { environment: stack, config } = this;
    const state = await this.stateOfService();
    const refused = this.impossible(outputsIn(state)['config']);
    // The program compares with what was applied last, and would stop before it shows anything.
    const states = { [stack]: withoutRefusals(state, refused.length > 0 ? ['config'] : []) };
    const program: ShownProgram = { kind: 'service', environment: stack, config };
    const about: About = { stack, kind: 'service', region: null, applied: 'by-up' };
    const run = { stack, program, settings: {}, states, isProtected: protectionIn(state), begun };
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
    const program: ShownProgram = { kind: 'fleet', environment, region, colour };
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
    // First: what begins after the others were looked for would stay.
    await this.engine.stop();
    for (const { pid } of await processesOf(this.mark)) signal(pid, 'SIGKILL');
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }

  private async steps(folder: string, run: Run): Promise<EngineStep[]> {
    const [backend, configFile, variables, home] = await Promise.all([
      writeBackend(folder, run.states),
      this.writeSettings(folder, run),
      engineVariables(),
      writeHome(folder),
    ]);
    const { command, projectFolder } = this.place;
    const steps = this.engine.steps({
      engine: command,
      stack: run.stack,
      program: run.program,
      projectFolder,
      configFile,
      variables: {
        ...shortLived(),
        PULUMI_HOME: home,
        ...variables,
        PULUMI_BACKEND_URL: backend,
        [UPDATE_VARIABLE]: this.mark,
      },
    });
    run.begun?.();
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
    const file = path.join(folder, name);
    await writeFile(file, Object.keys(settings).length === 0 ? text : withSettings(text, settings));
    return file;
  }
}

/**
 * A home for Pulumi with the plugins that are there, and with a file in the place where the engine would keep a log
 * of each run: a preview leaves none, and a third of the engine's time would go into it. Gives its path.
 */
async function writeHome(folder: string): Promise<string> {
  const home = path.join(folder, 'home');
  const plugins = path.join(process.env['PULUMI_HOME'] ?? path.join(homedir(), '.pulumi'), 'plugins');
  await Promise.all([mkdir(home), mkdir(plugins, { recursive: true })]);
  await Promise.all([symlink(plugins, path.join(home, 'plugins')), writeFile(path.join(home, 'logs'), '')]);
  return home;
}

function withSettings(text: string, settings: Record<string, unknown>): string {
  const before = (parse(text) ?? {}) as { config?: Record<string, unknown> };
  return stringify({ ...before, config: { ...before.config, ...settings } });
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
