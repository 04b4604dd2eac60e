import type { PulumiCommand, PulumiFn } from '@pulumi/pulumi/automation';
import { LocalWorkspace } from '@pulumi/pulumi/automation/localWorkspace';
import type { Colour } from '../domain/colour';
import type { EnvironmentConfig } from '../domain/config';
import { PROJECT } from '../domain/config/names';
import type { EngineStep } from '../domain/preview/resource-diff';
import { pulumiCommand, type EngineCommand, type Runnable } from './pulumi-command';
import { Diagnostics, stackFailure } from './stack-failure';
import type { StackPrograms } from './stacks';

export type ShownProgram =
  | { kind: 'service'; environment: string; config: EnvironmentConfig }
  | { kind: 'fleet'; environment: string; region: string; colour: Colour };

/** One run of the engine that only shows; plain data, so that another thread can be asked for it. */
export interface ShownStack {
  engine: EngineCommand;
  stack: string;
  program: ShownProgram;
  /** The folder with Pulumi.yaml. */
  projectFolder: string;
  /** With the stack's settings. */
  configFile: string;
  /** Of the engine, beside those of this process. */
  variables: Record<string, string>;
}

export interface PreviewEngine {
  /**
   * What the engine would do.
   * @throws BasculeError in the words of the engine, or of the program, where it cannot be said
   */
  steps(shown: ShownStack): Promise<EngineStep[]>;
  /** No engine is started any more; what was asked and not answered never is. */
  stop(): Promise<void>;
}

const NO_ANSWER = { stdout: '', stderr: '', code: 0 };

/** The engine with its programs inside this thread. */
export class InlinePreviewEngine implements PreviewEngine {
  private isStopped = false;

  constructor(private readonly programs: StackPrograms) {}

  async steps(shown: ShownStack): Promise<EngineStep[]> {
    const { stack: name, projectFolder, configFile, variables } = shown;
    const steps: EngineStep[] = [];
    const diagnostics = new Diagnostics();
    try {
      const stack = await LocalWorkspace.selectStack(
        { stackName: name, projectName: PROJECT, program: this.programOf(shown.program) },
        { workDir: projectFolder, pulumiCommand: await this.quickCommand(shown.engine), envVars: variables },
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
      throw stackFailure(name, thrown, diagnostics);
    }
    return steps;
  }

  stop(): Promise<void> {
    this.isStopped = true;
    return Promise.resolve();
  }

  private programOf(shown: ShownProgram): PulumiFn {
    switch (shown.kind) {
      case 'service':
        return () => this.programs.service(shown.config, shown.environment);
      case 'fleet': {
        const { environment, region, colour } = shown;
        return () => this.programs.fleet({ environment, region, colour });
      }
    }
  }

  /** Without what the Automation API asks of a stack before it previews it: each a start of the engine. */
  private async quickCommand(engine: EngineCommand): Promise<PulumiCommand> {
    const command = await pulumiCommand(engine);
    const run = command.run.bind(command);
    const quick: Runnable = {
      run: (args, ...rest) => {
        if (args[0] === 'stack') return Promise.resolve(NO_ANSWER);
        if (this.isStopped) return new Promise(() => undefined);
        // While the engine begins; what cannot be loaded is told by the program itself.
        setImmediate(() => void this.programs.load?.().catch(() => undefined));
        return run(args, ...rest);
      },
    };
    return Object.assign(command, quick);
  }
}
