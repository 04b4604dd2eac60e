import { readFileSync } from 'node:fs';
import path from 'node:path';
import yargs, { type Argv } from 'yargs';
import { BasculeError } from '../../src/domain/errors';
import { deferSeldomModules } from './deferred';
import { printError } from './output/result';

const EXIT_CODES =
  'Exit codes: 0 succeeded; 2 bad input or configuration; 3 failed, traffic untouched; 4 rolled back;\n' +
  '5 halted, a person is needed; 6 another deployment holds the environment.';

/** Loaded one by one, as each is asked for by its name; in the order in which the help shows them. */
const COMMANDS: Readonly<Record<string, (to: Argv) => Promise<Argv>>> = {
  rehearse: async (to) => to.command((await import('./commands/rehearse.js')).rehearseCommand),
  bake: async (to) => to.command((await import('./commands/bake.js')).bakeCommand),
  images: async (to) => to.command((await import('./commands/images.js')).imagesCommand),
  up: async (to) => to.command((await import('./commands/environment.js')).upCommand),
  preview: async (to) => to.command((await import('./commands/preview.js')).previewCommand),
  deploy: async (to) => to.command((await import('./commands/deploy.js')).deployCommand),
  promote: async (to) => to.command((await import('./commands/promote.js')).promoteCommand),
  watch: async (to) => to.command((await import('./commands/watch.js')).watchCommand),
  advance: async (to) => to.command((await import('./commands/ask.js')).advanceCommand),
  pause: async (to) => to.command((await import('./commands/ask.js')).pauseCommand),
  approve: async (to) => to.command((await import('./commands/approve.js')).approveCommand),
  reject: async (to) => to.command((await import('./commands/approve.js')).rejectCommand),
  pending: async (to) => to.command((await import('./commands/pending.js')).pendingCommand),
  notify: async (to) => to.command((await import('./commands/notify.js')).notifyCommand),
  rollback: async (to) => to.command((await import('./commands/simple.js')).rollbackCommand),
  status: async (to) => to.command((await import('./commands/status.js')).statusCommand),
  releases: async (to) => to.command((await import('./commands/releases.js')).releasesCommand),
  history: async (to) => to.command((await import('./commands/history.js')).historyCommand),
  report: async (to) => to.command((await import('./commands/report.js')).reportCommand),
  test: async (to) => to.command((await import('./commands/test.js')).testCommand),
  retire: async (to) => to.command((await import('./commands/simple.js')).retireCommand),
  down: async (to) => to.command((await import('./commands/environment.js')).downCommand),
  resume: async (to) => to.command((await import('./commands/resume.js')).resumeCommand),
  abort: async (to) => to.command((await import('./commands/abort.js')).abortCommand),
  unlock: async (to) => to.command((await import('./commands/unlock.js')).unlockCommand),
  freeze: async (to) => to.command((await import('./commands/freeze.js')).freezeCommand),
  thaw: async (to) => to.command((await import('./commands/freeze.js')).thawCommand),
  comment: async (to) => to.command((await import('./commands/comment.js')).commentCommand),
  sandbox: async (to) => to.command((await import('./commands/sandbox.js')).sandboxCommand),
  doctor: async (to) => to.command((await import('./commands/doctor.js')).doctorCommand),
  iam: async (to) => to.command((await import('./commands/iam.js')).iamCommand),
};

/** The command that is asked for; all of them where help, completion or a suggestion needs to know them. */
async function withCommands(parser: Argv, name: string | undefined): Promise<Argv> {
  const asked = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (asked !== undefined) return asked(parser);
  let all = parser;
  for (const add of Object.values(COMMANDS)) all = await add(all);
  return all;
}

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
  const named = await withCommands(yargs(args), args[0]);
  const parser = named
    .scriptName('bascule')
    .usage('$0 <command>\n\nImmutable releases on AWS without an interrupted request.')
    .version(false)
    .parserConfiguration({ 'parse-positional-numbers': false, 'boolean-negation': true })
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
  const command = args[0] !== undefined && Object.hasOwn(COMMANDS, args[0]) ? ` ${args[0]}` : '';
  return new BasculeError({
    code: 'BASCULE_USAGE',
    message: message.trim(),
    next: `\`bascule${command} --help\` shows what it takes.`,
  });
}

deferSeldomModules();
const args = process.argv.slice(2);
main(args).catch((thrown: unknown) => printError(thrown, args.includes('--json')));
