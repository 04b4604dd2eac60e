import { exitCodeOf } from '../../../src/domain/outcome';
import type { Deployed } from '../../operations/deployments';
import { entryOf } from '../../operations/history';
import type { Session } from '../../operations/session';
import type { CommandResult } from '../output/result';

/** What a person should do after an ending that was not the wished one. */
function advice(ending: Deployed, environment: string): string {
  switch (ending.outcome) {
    case 'succeeded':
      return '';
    case 'failed':
      return 'mend the release and deploy it again; nothing that is live was touched.';
    case 'rolled-back':
      return `find out why in \`bascule history ${environment} --deployment ${ending.deployment}\`; production runs the former release.`;
    case 'halted':
      return `look at \`bascule status ${environment}\`. ${waysOn(ending, environment)} docs/operations.md has a page on each halt.`;
  }
}

const DRIFTS = new Set(['BASCULE_TRAFFIC_DRIFT', 'BASCULE_FLEET_DRIFT']);

/** A halted deployment can be gone on with, undone, or left for another one. */
function waysOn({ state, plan, reason }: Deployed, environment: string): string {
  const back = state.turnedBack !== null;
  const resume = `\`bascule resume ${environment}\``;
  const abort = `\`bascule abort ${environment}${back ? ' --accept' : ''}\``;
  if (DRIFTS.has(reason?.code ?? '') && back)
    return `Put back what is named above, then ${resume} goes on with the way back; ${abort} takes the weights back from where they are.`;
  if (DRIFTS.has(reason?.code ?? ''))
    return `Put back what is named above, then ${resume} goes on; \`bascule resume ${environment} --accept\` takes it as it is and goes on from there; ${abort} goes back.`;
  if (back) return `Mend what is named above, then ${resume} goes on with the way back.`;
  if (plan.purpose === 'retire') return `Mend what is named above, then ${resume} goes on.`;
  return `Mend what is named above, then ${resume} goes on, ${abort} goes back, or \`bascule rollback ${environment}\` moves traffic to the former release.`;
}

/** The result of a deployment that ran to its end, with its whole record for machines. */
export async function deployedResult(session: Session, ending: Deployed): Promise<CommandResult> {
  const entry = entryOf(ending.records);
  const details = ending.reason?.details ?? [];
  const next = advice(ending, session.environment);
  const report = await reported(session, ending);
  const text = [
    `${ending.outcome}: ${ending.message}`,
    ...(ending.outcome === 'succeeded' ? [] : details.map((line) => `  ${line}`)),
    next === '' ? '' : `next: ${next}`,
    report === null ? '' : `report: ${report}`,
  ];
  return {
    exitCode: exitCodeOf(ending.outcome),
    json: { ...entry, reason: ending.reason, next, report, measured: await measured() },
    text: text.filter((line) => line !== '').join('\n'),
  };
}

/** The file of the report, made from the journal; what became of the deployment does not depend on it. */
async function reported(session: Session, { deployment, records }: Deployed): Promise<string | null> {
  const { reportFile, writeReport } = await import('../../report/write.js');
  const file = reportFile(session.folder, session.environment, deployment);
  try {
    const { keptResults } = await import('../../operations/test.js');
    await writeReport(records, file, await keptResults(session, records));
    return file;
  } catch (thrown) {
    const text = `no report: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    session.reporter.say({ kind: 'note', text });
    return null;
  }
}

/** What this process used: peak resident memory in MiB, the AWS calls it made itself, and those sent again. */
async function measured() {
  const { callCounts, retryCounts } = await import('../../../src/adapters/aws.js');
  const peakMemoryMib = Math.round(process.resourceUsage().maxRSS / 1024);
  return { peakMemoryMib, awsCalls: callCounts(), awsRetries: retryCounts() };
}
