import type { CommandCheck } from '../domain/analysis/check';
import type { CommandMeasurement } from '../domain/analysis/measurement';
import type { CheckCommands } from '../ports';
import { runGroup } from './local-commands';

/** What is kept of a command's output: enough for the last lines, and a record of the journal stays small. */
const KEPT_CHARACTERS = 1000;
/** Time to end by itself after SIGTERM; it only looks, and has nothing to bring to an end. */
const GRACE_MILLISECONDS = 1000;

/** Check commands as processes of this machine, in the folder and with the environment of Bascule itself. */
export class LocalCheckCommands implements CheckCommands {
  run(
    { command, timeoutSeconds }: CommandCheck,
    facts: unknown,
    signal: AbortSignal,
  ): Promise<Omit<CommandMeasurement, 'kind' | 'window'>> {
    const order = {
      command,
      environment: {},
      timeoutSeconds,
      input: `${JSON.stringify(facts)}\n`,
      keeps: KEPT_CHARACTERS,
      graceMilliseconds: GRACE_MILLISECONDS,
    };
    return runGroup(order, signal);
  }
}
