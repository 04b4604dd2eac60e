import type { Check, CommandCheck } from '../../src/domain/analysis/check';
import type { CommandMeasurement, Window } from '../../src/domain/analysis/measurement';
import type { StepContext } from '../steps/handler';

type NamedCommand = Check & CommandCheck;

export interface EndedCommand {
  check: NamedCommand;
  measurement: CommandMeasurement;
}

/**
 * The check commands of one step that run at the moment. They run beside the other checks: a command that takes
 * its time must not keep a failing metric from turning the deployment back. They end with the step.
 */
export class CommandsUnderWay {
  private readonly running = new Set<string>();
  private readonly results: EndedCommand[] = [];
  private thrown: Error | undefined;

  private constructor(private readonly context: StepContext) {}

  static of(context: StepContext): CommandsUnderWay {
    const known = context.memory.get('commands');
    if (known instanceof CommandsUnderWay && !known.context.left.aborted) return known;
    const made = new CommandsUnderWay(context);
    context.memory.set('commands', made);
    return made;
  }

  /** Starts a command that does not run yet; what it saw reaches to its beginning. */
  begin(check: NamedCommand, facts: unknown, window: Window): void {
    if (this.running.has(check.name)) return;
    this.running.add(check.name);
    this.context.world.commands.run(check, facts, this.context.left).then(
      (answer) => this.results.push({ check, measurement: { kind: 'command', window, ...answer } }),
      (error: unknown) => (this.thrown = error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Takes what ended since the last time. */
  async ended(): Promise<EndedCommand[]> {
    // Lets a command that ended already be heard in this round.
    await Promise.resolve();
    if (this.thrown !== undefined) throw this.thrown;
    const ended = this.results.splice(0);
    for (const { check } of ended) this.running.delete(check.name);
    return ended;
  }
}
