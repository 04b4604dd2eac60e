import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { expectVersion } from '../../operations/expect-version';
import { status } from '../../operations/status';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import { renderExpectations, renderStatus } from '../output/tables';
import type { CommandResult } from '../output/result';

interface StatusOptions extends EnvironmentOptions {
  expect: string | undefined;
  requests: number;
}

/** As many as a person may ask of each region at once without it being a load test. */
const MOST_REQUESTS = 1000;

export const statusCommand: CommandModule<object, StatusOptions> = {
  command: 'status <environment>',
  describe:
    'Show for each region what is live, the weights, each fleet and drift; and the deployment under way',
  builder: (argv) =>
    environmentOptions(argv)
      .option('expect', {
        type: 'string',
        requiresArg: true,
        describe:
          'Exit with 3 unless the production traffic of every region is answered by this version alone',
      })
      .option('requests', {
        type: 'number',
        default: 20,
        describe: 'How many requests --expect sends to each region',
      })
      .example('bascule status production', 'What every region serves')
      .example('bascule status production --expect 2.0.0', 'For a pipeline: whether all regions serve 2.0.0'),
  handler: (argv) => conclude(argv.json, () => run(argv)),
};

async function run(argv: StatusOptions): Promise<CommandResult> {
  const wanted = wantedOf(argv);
  return withSession(argv, { changes: false }, async (session) => {
    const found = await status(session);
    if (wanted === null) return { exitCode: 0, json: { ...found }, text: renderStatus(found) };
    const expected = await expectVersion(session, found.regions, wanted);
    return {
      exitCode: expected.proven ? 0 : 3,
      json: { ...found, expected },
      text: [renderStatus(found), '', renderExpectations(expected)].join('\n'),
    };
  });
}

/** @throws BasculeError BASCULE_USAGE (exit code 2). */
function wantedOf({ expect: version, requests }: StatusOptions) {
  if (!Number.isInteger(requests) || requests < 1 || requests > MOST_REQUESTS)
    throw new BasculeError({
      code: 'BASCULE_USAGE',
      message: `--requests is ${requests}; it must be a whole number from 1 to ${MOST_REQUESTS}.`,
      next: '`bascule status --help` shows what it takes.',
    });
  if (version === undefined) return null;
  if (version.trim() !== '') return { version, requests };
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: '--expect names no version.',
    next: 'Name it: `bascule status <environment> --expect 2.0.0`.',
  });
}
