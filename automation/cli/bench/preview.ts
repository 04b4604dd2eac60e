import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { CommandLine, CommandRun } from '../../rehearsal/cast';
import { REHEARSAL } from '../../rehearsal/project';
import { timed, type Timing } from './measure';

/** As many as a load balancer may have by default. */
const RULES = 100;
const RUNS = 5;
/** What a preview may take at most; for the note beside the time. */
const AIM_SECONDS = 5;

export interface PreviewBench {
  bascule: CommandLine;
  project: string;
  /** Two releases that were baked; the second one is previewed over the first. */
  versions: [string, string];
  say: (line: string) => void;
}

/** The whole command, as CI runs it, in an environment of two fleets and as many rules as AWS allows. */
export async function previewTiming({ bascule, project, versions, say }: PreviewBench): Promise<Timing> {
  const [first, second] = versions;
  const file = path.join(project, `Pulumi.${REHEARSAL}.yaml`);
  const before = await readFile(file, 'utf8');
  await writeFile(file, withRules(before));
  succeeded(await bascule.run(['up', REHEARSAL]));
  // Twice, so that both colours have a fleet whatever was there before.
  for (const version of [second, first])
    succeeded(await bascule.run(['deploy', REHEARSAL, '--version', version, '--force']));
  const timing = await timed(`preview of ${RULES} rules and two fleets`, 0, RUNS, async () => {
    const run = succeeded(await bascule.run(['preview', REHEARSAL, '--version', second]));
    return { seconds: (run.endedAt - run.startedAt) / 1000 };
  });
  say('  preview measured');
  await writeFile(file, before);
  succeeded(await bascule.run(['up', REHEARSAL]));
  return { ...timing, note: `the whole command; at most ${AIM_SECONDS} s are aimed at` };
}

function withRules(text: string): string {
  const content = parse(text) as { config: { 'bascule:environment': { rules: unknown } } };
  content.config['bascule:environment'].rules = Array.from({ length: RULES }, (_, index) => ({
    name: `rule-${index}`,
    priority: 100 + index,
    paths: [`/rule-${index}/*`],
  }));
  return stringify(content);
}

function succeeded(run: CommandRun): CommandRun {
  if (run.exitCode !== 0)
    throw new Error(`a command of the bench failed: ${JSON.stringify(run.json.error ?? run.json.message)}`);
  return run;
}
