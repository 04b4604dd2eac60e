import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { EXIT } from '../../../src/domain/outcome';
import { TEST_MOMENTS, type TestMoment, type TestPlace } from '../../../src/domain/suite/gate';
import { countsText } from '../../../src/domain/suite/result';
import { BasculeError, messageOf } from '../../../src/domain/errors';
import type { Session } from '../../operations/session';
import { runTests, type TestedByHand } from '../../operations/test';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';

interface TestOptions extends EnvironmentOptions {
  when: TestMoment;
  name: string | string[] | undefined;
  region: string | string[] | undefined;
  junit: string | undefined;
}

export const testCommand: CommandModule<object, TestOptions> = {
  command: 'test <environment>',
  describe: 'Run the configured tests by hand, against production or the idle colour; records nothing',
  builder: (argv) =>
    environmentOptions(argv)
      .option('when', {
        choices: TEST_MOMENTS,
        default: 'live' as const,
        describe: 'Which tests, and where: `live`, through production, or `idle`, through the test listener',
      })
      .option('name', {
        type: 'string',
        requiresArg: true,
        describe: 'Only the test of this name, whenever it runs otherwise; may be given several times',
      })
      .option('region', {
        type: 'string',
        requiresArg: true,
        describe: 'Only in this region; may be given several times (default: all of the environment)',
      })
      .option('junit', {
        type: 'string',
        requiresArg: true,
        describe: 'A folder to write the results to as JUnit XML, a file for each test and region',
      })
      .example('bascule test production', 'Those that a deployment runs once traffic is on the release')
      .example('bascule test production --when idle --name login', 'One of them, against the idle colour'),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: false }, async (session) => {
        const request = { when: argv.when, only: listOf(argv.name), regions: listOf(argv.region) };
        const tested = await runTests(session, request, ({ name, region }) =>
          session.reporter.say({ kind: 'note', text: `${name} [${region}]` }),
        );
        const files = argv.junit === undefined ? [] : await write(session, tested, path.resolve(argv.junit));
        return {
          exitCode: tested.every(({ passed }) => passed) ? EXIT.succeeded : EXIT.failed,
          json: { passed: tested.every(({ passed }) => passed), tests: tested.map(entryOf), files },
          text: [...tested.map(linesOf), ...files].join('\n'),
        };
      }),
    ),
};

function listOf(given: string | string[] | undefined): string[] {
  return given === undefined ? [] : [given].flat();
}

function entryOf({ place, run, passed, counts, problems }: TestedByHand): Record<string, unknown> {
  const { name, when, region, url, version } = place;
  const { cases, seconds } = run;
  return {
    name,
    when,
    region,
    url,
    version,
    outcome: passed ? 'passed' : 'failed',
    counts,
    seconds,
    problems,
    cases,
  };
}

function linesOf({ place, run, passed, counts, problems }: TestedByHand): string {
  const { name, region, version } = place;
  const head = `${passed ? 'passed' : 'failed'}  ${name} [${region}] ${version === '' ? '' : `${version}: `}${countsText(counts)}, ${run.seconds.toFixed(1)} s`;
  return [head, ...(passed ? [] : problems.map((problem) => `  ${problem}`))].join('\n');
}

async function write({ world }: Session, tested: readonly TestedByHand[], folder: string): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true });
    return await Promise.all(
      tested.map(async ({ place, run }) => {
        const file = path.join(folder, fileName(place));
        await writeFile(file, await world.tests.junit(run, place));
        return file;
      }),
    );
  } catch (cause) {
    throw new BasculeError({
      code: 'BASCULE_REPORT_NOT_WRITTEN',
      message: `The results cannot be written to ${folder}: ${messageOf(cause)}`,
      next: 'Name a folder that can be written to with --junit.',
      cause,
    });
  }
}

function fileName({ name, region, when }: TestPlace): string {
  return `${region}-${when}-${name}.xml`;
}
