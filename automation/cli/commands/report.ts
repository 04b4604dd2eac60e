import path from 'node:path';
import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import type { JournalRecord } from '../../../src/domain/records';
import type { Session } from '../../operations/session';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';

interface ReportOptions extends EnvironmentOptions {
  deployment: string | undefined;
  out: string | undefined;
}

export const reportCommand: CommandModule<object, ReportOptions> = {
  command: 'report <environment> [deployment]',
  describe: 'Write the HTML report of a deployment from its journal: steps, weights, each check as a chart',
  builder: (argv) =>
    environmentOptions(argv)
      .positional('deployment', { type: 'string', describe: 'Which one, by its id (default: the last)' })
      .option('out', {
        type: 'string',
        describe: 'The file to write (default: .bascule/reports/<environment>-<deployment>.html)',
      })
      .example('bascule report production', 'The report of the last deployment')
      .example(
        'bascule report production 20260101-101500-1a2b --out report.html',
        'Of one of them, to a file of yours',
      ),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: false }, async (session) => {
        const records = await journalOf(session, argv.deployment);
        const deployment = records[0]?.deployment ?? '';
        const { reportFile, writeReport } = await import('../../report/write.js');
        const file =
          argv.out === undefined
            ? reportFile(session.folder, session.environment, deployment)
            : path.resolve(argv.out);
        const { keptResults } = await import('../../operations/test.js');
        await writeReport(records, file, await keptResults(session, records)).catch((cause: unknown) => {
          throw notWritten(file, cause);
        });
        return { exitCode: 0, json: { deployment, report: file }, text: `Report: ${file}` };
      }),
    ),
};

async function journalOf(session: Session, wanted: string | undefined): Promise<JournalRecord[]> {
  const deployment = wanted ?? (await session.journal.list()).at(-1);
  const records = deployment === undefined ? [] : await session.journal.read(deployment);
  if (records.length > 0) return records;
  const { environment } = session;
  throw new BasculeError({
    code: 'BASCULE_NO_SUCH_DEPLOYMENT',
    message:
      deployment === undefined
        ? `${environment} has no deployment yet.`
        : `${environment} has no deployment ${deployment}.`,
    next: `\`bascule history ${environment}\` lists them.`,
  });
}

function notWritten(file: string, cause: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_REPORT_NOT_WRITTEN',
    message: `The report cannot be written to ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
    next: 'Name a file in a folder that can be written to with --out.',
    cause,
  });
}
