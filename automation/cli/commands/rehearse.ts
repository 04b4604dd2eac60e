import path from 'node:path';
import type { CommandModule } from 'yargs';
import { conclude } from '../command';
import { sandboxParts } from '../setup';
import type { CommandResult } from '../output/result';

interface RehearseCommandOptions {
  json: boolean;
  app: string | undefined;
  from: string;
  to: string;
  healthPath: string | undefined;
  versionHeader: string | undefined;
  folder: string | undefined;
  keep: boolean;
}

export const rehearseCommand: CommandModule<object, RehearseCommandOptions> = {
  command: 'rehearse',
  describe:
    'Rehearse it all on this machine: deploy under load, roll back, refuse two broken releases, report',
  builder: (argv) =>
    argv
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print one JSON document on standard output',
      })
      .option('app', {
        type: 'string',
        describe: 'Your own service: a folder with a Procfile or package.json',
      })
      .option('from', { type: 'string', default: '1.0.0', describe: 'The version that is live first' })
      .option('to', { type: 'string', default: '2.0.0', describe: 'The version that is deployed under load' })
      .option('health-path', { type: 'string', describe: 'Path of the health check (default: / with --app)' })
      .option('version-header', {
        type: 'string',
        describe: 'Header in which your service names $BASCULE_VERSION',
      })
      .option('folder', {
        type: 'string',
        describe: 'Where to keep sandbox and report (default: .bascule/rehearsal)',
      })
      .option('keep', { type: 'boolean', default: false, describe: 'Leave the sandbox running at the end' })
      .example('bascule rehearse', 'The example service, 1.0.0 to 2.0.0')
      .example('bascule rehearse --app ./my-service --from 1.4.0 --to 1.5.0', 'Your own service') as never,
  handler: (argv) => conclude(argv.json, () => run(argv)),
};

async function run(argv: RehearseCommandOptions): Promise<CommandResult> {
  const [{ rehearse }, { renderClosingTable }, { projectFolder }] = await Promise.all([
    import('../../rehearsal/rehearse.js'),
    import('../../rehearsal/report/closing-table.js'),
    import('../../engine/folders.js'),
  ]);
  const root = projectFolder();
  const own = argv.app !== undefined;
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const began = Date.now();
  const { report, file, kept } = await rehearse({
    app: path.resolve(argv.app ?? path.join(root, 'examples/service')),
    own,
    from: argv.from,
    to: argv.to,
    healthPath: argv.healthPath ?? (own ? '/' : '/health'),
    versionHeader: argv.versionHeader ?? (own ? null : 'x-version'),
    crashing: path.join(root, 'examples/broken/crashes'),
    sick: path.join(root, 'examples/broken/unhealthy'),
    folder: path.resolve(argv.folder ?? path.join(root, '.bascule/rehearsal')),
    bin: path.join(root, 'bin/bascule.js'),
    programs: path.join(root, 'dist/stacks/index.js'),
    sandbox: await sandboxParts(undefined),
    keep: argv.keep,
    echo: (line) => process.stderr.write(`${elapsed(began)} ${line}\n`),
    signal: stop.signal,
  });
  const ok = report.checks.every((check) => check.ok);
  const text = [renderClosingTable(report), '', `Report: ${file}`];
  if (kept !== null)
    text.push(
      `The sandbox still runs: eval "$(bascule sandbox env --folder ${kept})"; stop it with: bascule sandbox stop --folder ${kept}`,
    );
  return {
    exitCode: ok ? 0 : 3,
    json: { outcome: ok ? 'succeeded' : 'failed', report: file, ...summary(report) },
    text: text.join('\n'),
  };
}

function summary({
  load,
  deployments,
  checks,
}: Awaited<ReturnType<typeof import('../../rehearsal/rehearse.js').rehearse>>['report']) {
  const { sent, failed, byVersion, longestGapMilliseconds, latency } = load;
  return { sent, failed, byVersion, longestGapMilliseconds, latency, deployments, checks };
}

function elapsed(since: number): string {
  return `[${((Date.now() - since) / 1000).toFixed(1).padStart(6)} s]`;
}
