import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shapeOfRecord } from '../../src/domain/record-shape';
import type { Holder, JournalRecord, RecordBody, RecordKind } from '../../src/domain/records';

const holder: Holder = { host: 'desk', pid: 1, user: 'ada', job: null };
const reason = { code: 'BASCULE_X', message: 'x', details: [] };
const plan = {
  purpose: 'deploy' as const,
  environment: 'test',
  service: 'shop',
  version: '2',
  formerVersion: null,
  steps: [],
};

/** One of each kind; the compiler asks for more when there are more. */
const EACH: { [K in RecordKind]: Extract<RecordBody, { kind: K }> } = {
  opened: { kind: 'opened', plan, holder },
  unlocked: { kind: 'unlocked', holder, former: holder, why: 'gone' },
  resumed: { kind: 'resumed', holder },
  replanned: { kind: 'replanned', plan, accepted: [], adopted: [], direction: 'forward' },
  started: { kind: 'started', step: 'a' },
  ran: { kind: 'ran', step: 'a', facts: { writes: 1 } },
  verified: { kind: 'verified', step: 'a', facts: {} },
  failed: { kind: 'failed', step: 'a', reason },
  assessed: {
    kind: 'assessed',
    step: 'a',
    assessments: [
      {
        check: 'errors',
        assessment: { verdict: 'pass', reason: 'x', window: { from: 0, to: 1 }, figures: [] },
      },
    ],
  },
  asked: {
    kind: 'asked',
    request: { sequence: 0, deployment: 'one', kind: 'pause', step: null, by: holder, at: 1 },
  },
  approved: {
    kind: 'approved',
    step: 'a',
    decision: 'approve',
    by: { arn: 'arn:aws:iam::123456789012:user/ada', userId: 'AIDA', account: '123456789012' },
    comment: 'x',
    planHash: 'plan-x',
    saidAt: 1,
    object: 'x',
  },
  rollbackRequested: { kind: 'rollbackRequested', reason },
  undoStarted: { kind: 'undoStarted', step: 'a' },
  undone: { kind: 'undone', step: 'a', facts: {} },
  unrestored: { kind: 'unrestored', step: 'a', reason },
  unreachable: { kind: 'unreachable', step: 'a', reason, then: 'later' },
  halted: { kind: 'halted', step: null, reason },
  closed: { kind: 'closed', outcome: 'failed', message: 'x' },
};

function recordOf(body: RecordBody): JournalRecord {
  return { ...body, format: 1, deployment: 'one', sequence: 0, at: 1, fence: 1 };
}

describe.each(Object.values(EACH))('a record of kind $kind', (body) => {
  const text = JSON.stringify(recordOf(body));

  it('is whole as it is written, and stays whole when a newer version adds to it', () => {
    expect(shapeOfRecord(text)).toEqual({ kind: 'whole', value: recordOf(body) });
    expect(shapeOfRecord(JSON.stringify({ ...recordOf(body), added: 1 })).kind).toBe('whole');
  });

  it('is torn when it was cut off anywhere', () => {
    for (let length = 0; length < text.length; length += 1)
      expect(shapeOfRecord(text.slice(0, length)).kind, text.slice(0, length)).toBe('torn');
  });

  it('is torn when anything that it needs is missing', () => {
    for (const key of Object.keys(recordOf(body)))
      expect(shapeOfRecord(JSON.stringify({ ...recordOf(body), [key]: undefined })).kind, key).toBe('torn');
  });
});

describe('anything at all', () => {
  it('is read without an exception, and is whole only with the head of a record', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((value) => JSON.stringify(value)),
    );
    fc.assert(fc.property(anything, (text) => shapeOfRecord(text).kind === 'torn'));
  });

  it('of a kind that is not known is told apart from what was cut off', () => {
    const stranger = { ...recordOf(EACH.resumed), kind: 'constructor' };
    expect(shapeOfRecord(JSON.stringify(stranger))).toEqual({
      kind: 'foreign',
      why: 'it is of the unknown kind constructor',
    });
    // A newer format is for replay to refuse: nothing may take the place of such a record.
    expect(shapeOfRecord(JSON.stringify({ ...stranger, format: 99 })).kind).toBe('whole');
  });
});
