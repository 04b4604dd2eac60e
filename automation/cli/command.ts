import type { CommandModule } from 'yargs';
import { LeftOpen } from '../steps/left-open';
import { withSession, type SessionOptions } from './compose';
import { environmentOptions, type EnvironmentOptions } from './options';
import { printError, printResult, type CommandResult } from './output/result';
import type { Session } from '../operations/session';

/** Runs something to its result and prints that, or what went wrong, in the form asked for. */
export async function conclude(json: boolean, work: () => Promise<CommandResult>): Promise<void> {
  try {
    printResult(await work(), json);
  } catch (thrown) {
    if (thrown instanceof LeftOpen) printResult(leftOpen(thrown), json);
    else printError(thrown, json);
  }
}

function leftOpen({ exitCode, message, next, facts }: LeftOpen): CommandResult {
  return {
    exitCode,
    json: { outcome: 'waiting', ...facts, message, next },
    text: `${message}\nnext: ${next}`,
  };
}

export interface EnvironmentCommand {
  name: string;
  describe: string;
  /** What a person types after `bascule`. */
  example: string;
  needs: SessionOptions;
  run(session: Session): Promise<CommandResult>;
}

/** A command that works on one environment and takes nothing else. */
export function environmentCommand(command: EnvironmentCommand): CommandModule<object, EnvironmentOptions> {
  return {
    command: `${command.name} <environment>`,
    describe: command.describe,
    builder: (argv) => environmentOptions(argv).example(`bascule ${command.example}`, command.describe),
    handler: (argv) =>
      conclude(argv.json, () => withSession(argv, command.needs, (session) => command.run(session))),
  };
}
