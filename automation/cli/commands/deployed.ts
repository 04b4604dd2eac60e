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
      return 'next: mend the release and deploy it again; nothing that is live was touched.';
    case 'rolled-back':
      return `next: find out why in \`bascule history ${environment} --deployment ${ending.deployment}\`; production runs the former release.`;
    case 'halted':
      return `next: look at \`bascule status ${environment}\`, mend what is named above, then \`bascule rollback ${environment}\` or deploy again. docs/operations.md has a page on each halt.`;
  }
}

/** The result of a deployment that ran to its end, with its whole record for machines. */
export async function deployedResult(session: Session, ending: Deployed): Promise<CommandResult> {
  const entry = entryOf(await session.journal.read(ending.deployment));
  const details = ending.reason?.details ?? [];
  const text = [
    `${ending.outcome}: ${ending.message}`,
    ...(ending.outcome === 'succeeded' ? [] : details.map((line) => `  ${line}`)),
    advice(ending, session.environment),
  ];
  return {
    exitCode: exitCodeOf(ending.outcome),
    json: { ...entry, reason: ending.reason, measured: await measured() },
    text: text.filter((line) => line !== '').join('\n'),
  };
}

/** What this process used: peak resident memory in MiB, and the AWS calls it made itself. */
async function measured() {
  const { callCounts } = await import('../../../src/adapters/aws.js');
  return { peakMemoryMib: Math.round(process.resourceUsage().maxRSS / 1024), awsCalls: callCounts() };
}
