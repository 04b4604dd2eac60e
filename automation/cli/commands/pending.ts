import type { CommandModule } from 'yargs';
import type { ChangeSet } from '../../../src/domain/change-set';
import { BasculeError } from '../../../src/domain/errors';
import { commandsOf, factsOf, sectionsOf, textOf } from '../../../src/domain/letter';
import { pending } from '../../operations/pending';
import { conclude } from '../command';
import { commonOptions, type CommonOptions } from '../options';
import type { CommandResult } from '../output/result';

interface PendingOptions extends CommonOptions {
  environment: string | undefined;
}

export const pendingCommand: CommandModule<object, PendingOptions> = {
  command: 'pending [environment]',
  describe: 'Show which approvals wait for people, and what each of those deployments changes',
  builder: (argv) =>
    commonOptions(argv)
      .positional('environment', {
        type: 'string',
        describe: 'The environment, as in Pulumi.<environment>.yaml (default: all of the project)',
      })
      .example('bascule pending', 'In all environments of the project')
      .example('bascule pending production --json', 'In one of them, for programs'),
  handler: (argv) => conclude(argv.json, () => shown(argv)),
};

async function shown({ environment, project }: PendingOptions): Promise<CommandResult> {
  const [{ environmentsIn, openApprovalDesk }, { projectFolder }] = await Promise.all([
    import('../compose-approvals.js'),
    import('../compose.js'),
  ]);
  const names = environment === undefined ? await environmentsIn(projectFolder(project)) : [environment];
  const found: ChangeSet[] = [];
  const unread: Unread[] = [];
  // One after the other: each has credentials of its own.
  for (const name of names) {
    try {
      const change = await pending(await openApprovalDesk(project, name));
      if (change !== null) found.push(change);
    } catch (thrown) {
      // Whoever may look into some of the environments sees those.
      if (!(thrown instanceof BasculeError) || environment !== undefined) throw thrown;
      unread.push({ environment: name, code: thrown.code, message: thrown.message });
    }
  }
  return { exitCode: 0, json: { pending: found, unread }, text: textFor(names, found, unread) };
}

/** An environment that could not be looked into. */
interface Unread {
  environment: string;
  code: string;
  message: string;
}

function textFor(names: readonly string[], found: readonly ChangeSet[], unread: readonly Unread[]): string {
  const read = names.filter((name) => !unread.some(({ environment }) => environment === name));
  const nothing = read.length === 0 ? [] : [`Nothing waits for an approval in ${read.join(', ')}.`];
  return [
    ...(found.length === 0 ? nothing : found.map(rendered)),
    ...unread.map(({ environment, code, message }) => `${environment} cannot be read: ${code}: ${message}`),
  ].join('\n\n');
}

function rendered(change: ChangeSet): string {
  const { environment, to, waiting } = change;
  const title = `${environment}: ${to} waits for ${waiting.map(({ name }) => name).join(', ')}`;
  return textOf({
    title,
    lines: [],
    facts: factsOf(change),
    sections: sectionsOf(change),
    commands: commandsOf(change),
  });
}
