import { readFileSync } from 'node:fs';
import path from 'node:path';
import yargs from 'yargs';
import { BasculeError } from '../../src/domain/errors';
import { abortCommand } from './commands/abort';
import { approveCommand, rejectCommand } from './commands/approve';
import { advanceCommand, pauseCommand } from './commands/ask';
import { bakeCommand } from './commands/bake';
import { commentCommand } from './commands/comment';
import { deployCommand } from './commands/deploy';
import { doctorCommand } from './commands/doctor';
import { downCommand, upCommand } from './commands/environment';
import { freezeCommand, thawCommand } from './commands/freeze';
import { historyCommand } from './commands/history';
import { iamCommand } from './commands/iam';
import { imagesCommand } from './commands/images';
import { notifyCommand } from './commands/notify';
import { pendingCommand } from './commands/pending';
import { previewCommand } from './commands/preview';
import { promoteCommand } from './commands/promote';
import { rehearseCommand } from './commands/rehearse';
import { releasesCommand } from './commands/releases';
import { reportCommand } from './commands/report';
import { resumeCommand } from './commands/resume';
import { sandboxCommand } from './commands/sandbox';
import { retireCommand, rollbackCommand } from './commands/simple';
import { statusCommand } from './commands/status';
import { testCommand } from './commands/test';
import { unlockCommand } from './commands/unlock';
import { watchCommand } from './commands/watch';
import { deferSeldomModules } from './deferred';
import { printError } from './output/result';

const EXIT_CODES =
  'Exit codes: 0 succeeded; 2 bad input or configuration; 3 failed, traffic untouched; 4 rolled back;\n' +
  '5 halted, a person is needed; 6 another deployment holds the environment.';

function ownVersion(): string {
  const file = path.join(__dirname, '..', '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The command line of Bascule. */
async function main(args: string[]): Promise<void> {
  if (args.length === 1 && (args[0] === '--version' || args[0] === 'version')) {
    process.stdout.write(`${ownVersion()}\n`);
    return;
  }
  const parser = yargs(args)
    .scriptName('bascule')
    .usage('$0 <command>\n\nImmutable releases on AWS without an interrupted request.')
    .version(false)
    .parserConfiguration({ 'parse-positional-numbers': false, 'boolean-negation': true })
    .command(rehearseCommand)
    .command(bakeCommand)
    .command(imagesCommand)
    .command(upCommand)
    .command(previewCommand)
    .command(deployCommand)
    .command(promoteCommand)
    .command(watchCommand)
    .command(advanceCommand)
    .command(pauseCommand)
    .command(approveCommand)
    .command(rejectCommand)
    .command(pendingCommand)
    .command(notifyCommand)
    .command(rollbackCommand)
    .command(statusCommand)
    .command(releasesCommand)
    .command(historyCommand)
    .command(reportCommand)
    .command(testCommand)
    .command(retireCommand)
    .command(downCommand)
    .command(resumeCommand)
    .command(abortCommand)
    .command(unlockCommand)
    .command(freezeCommand)
    .command(thawCommand)
    .command(commentCommand)
    .command(sandboxCommand)
    .command(doctorCommand)
    .command(iamCommand)
    .completion('completion', 'Print the script for shell completion: bascule completion >> ~/.bashrc')
    .example('$0 rehearse', 'See all of it on this machine, under load')
    .demandCommand(1, 'Name a command.')
    .strict()
    .recommendCommands()
    .wrap(Math.min(110, process.stderr.columns ?? 110))
    .epilogue(EXIT_CODES)
    .help()
    .fail((message, error) => {
      throw error ?? badUsage(message, args);
    });
  await parser.parseAsync();
}

function badUsage(message: string, args: readonly string[]): BasculeError {
  const command = args[0] !== undefined && !args[0].startsWith('-') ? ` ${args[0]}` : '';
  return new BasculeError({
    code: 'BASCULE_USAGE',
    message: message.trim(),
    next: `\`bascule${command} --help\` shows what it takes.`,
  });
}

deferSeldomModules();
const args = process.argv.slice(2);
main(args).catch((thrown: unknown) => printError(thrown, args.includes('--json')));
