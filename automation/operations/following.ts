import { describeTold } from '../../src/domain/approval';
import { standingOf, type Standing } from '../../src/domain/lease';
import type { JournalRecord, Reason } from '../../src/domain/records';
import { replay, type DeploymentState } from '../../src/domain/replay';
import type { Step } from '../../src/domain/step';
import type { LeaseState, Message } from '../../src/ports';
import { isNoAnswer } from '../driver/interruptions';
import type { Session } from './session';

/** How often the journal is looked at: one small read where nothing was added. */
const LOOK_MILLISECONDS = 1000;

/** A deployment as its journal tells it at one look. */
export interface Followed {
  state: DeploymentState;
  records: readonly JournalRecord[];
  /** Those that were not there at the look before. */
  fresh: readonly JournalRecord[];
  lease: LeaseState | undefined;
  /** Whether anybody works on the environment. */
  standing: Standing;
  /** Why this look had no answer; all else is then as at the one before. */
  problem: string | null;
}

/**
 * Looks at a deployment again and again, from any machine, until the caller has seen enough or the session is
 * stopped. AWS's silence ends nothing: it is told.
 */
export async function* follow(session: Session, deployment: string): AsyncGenerator<Followed> {
  const { clock } = session.world;
  let lease = await session.leases.read();
  const records: JournalRecord[] = await session.journal.read(deployment);
  let fresh: readonly JournalRecord[] = records.slice();
  let problem: string | null = null;
  while (!session.stop.aborted) {
    const standing = standingNow(session, lease);
    yield { state: replay(records), records, fresh, lease, standing, problem };
    await clock.wait(LOOK_MILLISECONDS, session.stop);
    try {
      // In this order: a driver closes the journal and then lets the lease go.
      lease = await session.leases.read();
      fresh = await session.journal.after(deployment, records.length);
      problem = null;
    } catch (thrown) {
      if (!isNoAnswer(thrown)) throw thrown;
      fresh = [];
      problem = thrown.message;
    }
    records.push(...fresh);
  }
}

/** What the driver answered to a request that it took up; undefined while it did not. */
export function answerTo(
  records: readonly JournalRecord[],
  sequence: number,
): { refused: Reason | undefined } | undefined {
  for (const record of records)
    if (record.kind === 'asked' && record.request.sequence === sequence) return { refused: record.refused };
  return undefined;
}

export function standingNow(session: Session, lease: LeaseState | undefined): Standing {
  const sight = lease === undefined ? 'unknown' : session.sightOf(lease.holder);
  return standingOf(lease, session.world.clock.now(), sight);
}

const note = (text: string): Message[] => [{ kind: 'note', text }];

/** What a driver said, or would have said, when it wrote a record. */
export function messagesOf(record: JournalRecord, { plan }: DeploymentState): Message[] {
  const { at } = record;
  const about = (id: string | null, message: (step: Step) => Message, otherwise: string): Message[] => {
    const step = plan.steps.find((one) => one.id === id);
    return [step === undefined ? { kind: 'note', text: otherwise } : message(step)];
  };
  switch (record.kind) {
    case 'opened':
    case 'ran':
      return [];
    case 'unlocked':
      return note(`${record.holder.user} on ${record.holder.host} took the lease: ${record.why}`);
    case 'resumed':
      return note(`${record.holder.user} on ${record.holder.host} goes on with it`);
    case 'replanned':
      return note('what was changed by hand is accepted, and the plan made anew');
    case 'rollbackRequested':
      return note(`it goes back: ${record.reason.message}`);
    case 'started':
      return about(record.step, (step) => ({ kind: 'started', step, at }), record.step);
    case 'verified':
      return about(record.step, (step) => ({ kind: 'done', step, at, note: '' }), record.step);
    case 'assessed':
      return about(
        record.step,
        (step) => ({ kind: 'assessed', step, assessments: record.assessments, at }),
        record.step,
      );
    case 'asked':
      return [
        {
          kind: 'asked',
          request: record.request,
          ...(record.refused === undefined ? {} : { refused: record.refused }),
        },
      ];
    case 'approved':
      return note(describeTold(record));
    case 'undoStarted':
      return about(record.step, (step) => ({ kind: 'undoing', step, at }), record.step);
    case 'undone':
      return about(record.step, (step) => ({ kind: 'undone', step, at, note: '' }), record.step);
    case 'failed':
    case 'unrestored':
    case 'halted': {
      const { reason } = record;
      return about(record.step, (step) => ({ kind: 'failed', step, at, reason }), reason.message);
    }
    case 'unreachable': {
      const then = record.then === 'later' ? 'the other regions go first' : 'it is unknown from here on';
      return note(`${record.reason.message}; ${then}`);
    }
    case 'closed':
      return [{ kind: 'closed', outcome: record.outcome, message: record.message, at }];
  }
}
