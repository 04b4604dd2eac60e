/** A deployment that turns back while it clears the idle fleet of another release. */
import { expect, test } from 'vitest';
import { decide, type Action } from '../../src/domain/decide';
import { RECORD_FORMAT, type JournalRecord, type Plan, type RecordBody } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';

const where = { region: 'eu-west-3', colour: 'blue', version: '2.0.0' } as const;
const capacity = { minimum: 2, maximum: 4, desired: 2 };
const plan: Plan = {
  purpose: 'deploy',
  environment: 'production',
  service: 'shop',
  version: '2.0.0',
  formerVersion: '1.0.0',
  steps: [
    { kind: 'clear-idle', id: 'clear', ...where },
    { kind: 'apply-idle', id: 'apply', ...where, capacity },
  ],
};
const turnedBack: RecordBody = {
  kind: 'rollbackRequested',
  reason: { code: 'BASCULE_ABORTED', message: 'A person asked for it.', details: [] },
};

function nextAfter(...bodies: RecordBody[]): Action {
  const holder = { host: 'here', pid: 1, user: 'someone', job: null };
  const all: RecordBody[] = [{ kind: 'opened', plan, holder }, ...bodies, turnedBack];
  const envelope = { format: RECORD_FORMAT, deployment: 'one', at: 0, fence: 1 };
  return decide(replay(all.map((body, sequence): JournalRecord => ({ ...body, ...envelope, sequence }))));
}

const started = (step: string): RecordBody => ({ kind: 'started', step });
const verified = (step: string): RecordBody => ({ kind: 'verified', step, facts: {} });

test('ends the clearing that it began: a stack that is half applied is nobody’s to find', () => {
  expect(nextAfter(started('clear'))).toMatchObject({ kind: 'undo', step: { id: 'clear' } });
  expect(nextAfter(started('clear'), { kind: 'ran', step: 'clear', facts: {} })).toMatchObject({
    kind: 'undo',
    step: { id: 'clear' },
  });
});

test('has nothing to do where it had not begun, or was done', () => {
  expect(nextAfter()).toMatchObject({ kind: 'close', outcome: 'failed' });
  expect(nextAfter(started('clear'), verified('clear'))).toMatchObject({ kind: 'close', outcome: 'failed' });
});

test('leaves it to what took the fleet over', () => {
  const both = [started('clear'), verified('clear'), started('apply')];
  expect(nextAfter(...both)).toMatchObject({ kind: 'undo', step: { id: 'apply' } });
  const undone: RecordBody[] = [
    { kind: 'undoStarted', step: 'apply' },
    { kind: 'undone', step: 'apply', facts: {} },
  ];
  // Turned back while it was recovered: the clearing was begun anew before the fleet was applied.
  expect(nextAfter(...both, ...undone)).toMatchObject({ kind: 'close', outcome: 'failed' });
});
