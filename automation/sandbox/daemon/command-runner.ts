import type { CommandState, CommandTruth, SandboxState } from '../contract';
import { MachineCommandRun } from './machine-command';

export interface CommandWorld {
  /** The folder of all instances. */
  instances: string;
  onChange: () => void;
  log: (line: string) => void;
}

/** Plays the agent of Systems Manager on every instance: runs what the control plane has not seen end. */
export class CommandRunner {
  private readonly runs = new Map<string, MachineCommandRun>();

  constructor(private readonly world: CommandWorld) {}

  reconcile({ commands, instances }: Pick<SandboxState, 'commands' | 'instances'>): void {
    const running = new Set(instances.flatMap(({ id, state }) => (state === 'running' ? [id] : [])));
    const wanted = new Map(commands.map((command) => [keyOf(command), command]));
    for (const [key, run] of this.runs) {
      // A command of an instance that went ends with it, and nobody is left there to say so.
      if (!wanted.has(key) || !running.has(run.instanceId)) {
        void run.end();
        this.runs.delete(key);
      }
    }
    for (const [key, command] of wanted) {
      if (!running.has(command.instanceId)) continue;
      const run = this.runs.get(key) ?? this.begin(key, command);
      if (command.cancelled) run.cancel();
    }
  }

  truth(): Record<string, Record<string, CommandTruth>> {
    const told: Record<string, Record<string, CommandTruth>> = {};
    for (const run of this.runs.values()) {
      const truth = run.truth();
      if (truth !== undefined) (told[run.commandId] ??= {})[run.instanceId] = truth;
    }
    return told;
  }

  /** Ends all commands. */
  async close(): Promise<void> {
    await Promise.all([...this.runs.values()].map((run) => run.end()));
  }

  private begin(key: string, command: CommandState): MachineCommandRun {
    const run = new MachineCommandRun(command, this.world);
    this.runs.set(key, run);
    void run.follow();
    return run;
  }
}

const keyOf = ({ id, instanceId }: CommandState): string => `${id} ${instanceId}`;
