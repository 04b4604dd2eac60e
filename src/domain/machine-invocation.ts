/** What Systems Manager says of a command on one instance. */
import { readScriptOutput, type ScriptEnding } from './machine-run';

/** Of GetCommandInvocation's answer, what matters here. */
export interface Invocation {
  Status?: string;
  StatusDetails?: string;
  ResponseCode?: number;
  StandardOutputContent?: string;
  StandardErrorContent?: string;
}

export type InvocationEnding =
  | { kind: 'exited'; code: number }
  | { kind: 'timed-out' }
  /** `undelivered`: it never reached the instance. */
  | { kind: 'not-started'; why: string; undelivered: boolean }
  | { kind: 'gone'; why: string };

export type InvocationReading =
  | { kind: 'under-way' }
  /** Another command of the same run was first. */
  | { kind: 'begun-before' }
  | { kind: 'ended'; ending: InvocationEnding; output: string };

/** Systems Manager API reference, "GetCommandInvocation", Status. */
const UNDER_WAY = new Set(['Pending', 'InProgress', 'Delayed', 'Cancelling']);

/** Details of commands that did not reach their instance (user guide, "Understanding command statuses"). */
const UNDELIVERED = new Set([
  'AccessDenied',
  'DeliveryTimedOut',
  'InvalidPlatform',
  'Terminated',
  'Undeliverable',
]);

/** The script's own last line counts before what Systems Manager concludes from its exit code. */
export function readInvocation(invocation: Invocation): InvocationReading {
  const { Status = 'Pending', StandardOutputContent = '', StandardErrorContent = '' } = invocation;
  if (UNDER_WAY.has(Status)) return { kind: 'under-way' };
  const { ending, output: printed } = readScriptOutput(StandardOutputContent);
  if (ending?.kind === 'begun-before') return ending;
  const output = [printed, StandardErrorContent.trimEnd()].filter((text) => text !== '').join('\n');
  if (ending === undefined) return { kind: 'ended', ending: concluded(invocation), output };
  return { kind: 'ended', ending: told(ending), output };
}

function told(ending: Exclude<ScriptEnding, { kind: 'begun-before' }>): InvocationEnding {
  switch (ending.kind) {
    case 'exited':
    case 'timed-out':
      return ending;
    case 'not-started':
      return { ...ending, undelivered: false };
    case 'ended':
      return { kind: 'gone', why: 'it was ended on request' };
  }
}

/** How it ended where the script could not say. */
function concluded({ Status = '', StatusDetails = '', ResponseCode = -1 }: Invocation): InvocationEnding {
  // The documentation writes the details with spaces, the API without.
  const details = StatusDetails.replaceAll(' ', '');
  if (UNDELIVERED.has(details))
    return {
      kind: 'not-started',
      why: `the command did not reach the instance (${details})`,
      undelivered: true,
    };
  if (details === 'ExecutionTimedOut') return { kind: 'timed-out' };
  const code = ResponseCode >= 0 ? ` with code ${ResponseCode}` : '';
  return { kind: 'gone', why: `Systems Manager ended it${code}: ${details || Status}` };
}
