import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { entryOf } from '../../operations/history';
import { nobodyWorks, nothingRuns, openAndHeld } from '../../operations/running';
import type { Session } from '../../operations/session';
import { watch, type Watched } from '../../operations/watch';
import type { PageServer } from '../../web/server';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import type { CommandResult } from '../output/result';
import { createWatcher } from '../output/watchers';

interface WatchOptions extends EnvironmentOptions {
  web: boolean;
  port: number | undefined;
}

export const watchCommand: CommandModule<object, WatchOptions> = {
  command: 'watch <environment>',
  describe: 'Follow the deployment under way to its end: steps, weights, instances, checks',
  builder: (argv) =>
    environmentOptions(argv)
      .option('web', {
        type: 'boolean',
        default: false,
        describe: 'Serve it as a live page on this machine alone, with buttons for advance, pause and abort',
      })
      .option('port', { type: 'number', describe: 'Port of the page (default: any that is free)' })
      .example('bascule watch production', 'From any machine, in the terminal')
      .example('bascule watch production --web', 'The same as a page on 127.0.0.1'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const port = portOf(argv);
      return withSession(argv, { changes: false }, (session) => watched(session, port));
    }),
};

/** Undefined where no page is asked for; 0 for any port. */
function portOf({ web, port }: WatchOptions): number | undefined {
  if (port === undefined) return web ? 0 : undefined;
  if (web && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: web ? `--port is ${port}; it must be a whole number up to 65535.` : '--port is for --web.',
    next: '`bascule watch --help` shows what it takes.',
  });
}

async function watched(session: Session, port: number | undefined): Promise<CommandResult> {
  const open = await openAndHeld(session);
  if (open === undefined) throw nothingRuns(session.environment);
  const page = port === undefined ? undefined : await serve(session, port);
  const watcher = createWatcher(process.stderr);
  let last: Watched | undefined;
  try {
    for await (const seen of watch(session, open.state.deployment)) {
      last = seen;
      watcher.show(seen);
      page?.show(seen.view);
      // A page may stay open until somebody goes on; a command line that waits for nobody would never end.
      if (page === undefined && seen.view.abandoned !== null)
        throw nobodyWorks(session.environment, seen.state, seen.standing);
    }
  } finally {
    watcher.end();
    await page?.close();
  }
  return resultOf(last);
}

async function serve(session: Session, port: number): Promise<PageServer> {
  const [{ PageServer }, { ask }] = await Promise.all([
    import('../../web/server.js'),
    import('../../operations/ask.js'),
  ]);
  const page = await PageServer.start({
    port,
    ask: async (wish) => (await ask(session, wish)).message,
  });
  process.stderr.write(`The page is at ${page.url}\n`);
  return page;
}

/** Watching went well, whatever became of the deployment: that is told, and not the exit code. */
function resultOf(last: Watched | undefined): CommandResult {
  if (last === undefined) throw new Error('a deployment is seen at least once');
  const { records, state } = last;
  const { outcome, message } = state.closed ?? { outcome: null, message: 'not ended' };
  return {
    exitCode: 0,
    json: { ...entryOf(records), reason: state.halted ?? state.turnedBack },
    text: `${outcome}: ${message}`,
  };
}
