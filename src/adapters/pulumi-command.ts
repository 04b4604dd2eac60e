import type { PulumiCommand } from '@pulumi/pulumi/automation';

/** What a run of the engine gave. */
export class CommandResult {
  constructor(
    readonly stdout: string,
    readonly stderr: string,
    readonly code: number,
  ) {}

  /** The message of the error that is made of it. */
  toString(): string {
    return `${this.stdout}\n${this.stderr}`.trim();
  }
}

/** What the Automation API calls of a command; its types leave it out. */
export interface Runnable {
  run: (
    args: string[],
    cwd: string,
    env: Record<string, string>,
    ...rest: unknown[]
  ) => Promise<Pick<CommandResult, 'stdout' | 'stderr' | 'code'>>;
}

/** Which engine is run. */
export interface EngineCommand {
  /** The executable. */
  command: string;
  version: PulumiCommand['version'] | string;
}

/**
 * What the Automation API runs an engine by. `PulumiCommand.get` would start the engine to ask for its version,
 * and is loaded only where a program is run.
 */
export async function pulumiCommand({ command, version }: EngineCommand): Promise<PulumiCommand & Runnable> {
  const { PulumiCommand: Command } = await import('@pulumi/pulumi/automation/cmd.js');
  return Object.assign(Object.create(Command.prototype) as PulumiCommand & Runnable, { command, version });
}
