import { describe, expect, it } from 'vitest';
import {
  EVENT_FORMAT,
  freezesInForce,
  shapeOfEvent,
  type EnvironmentEvent,
  type EnvironmentEventBody,
  type Freeze,
} from '../../src/domain/environment-log';
import { freezeName, freezeRequest, freeText, passageOf } from '../../src/domain/freeze';
import type { Holder } from '../../src/domain/records';

const by: Holder = { host: 'desk', pid: 1, user: 'ada', job: null };
const NOW = Date.parse('2026-11-21T12:00:00Z');

function logOf(...bodies: EnvironmentEventBody[]): EnvironmentEvent[] {
  return bodies.map((body, sequence) => ({ ...body, format: EVENT_FORMAT, sequence, at: sequence }));
}

const frozen = (name: string, until: number, reason = 'audit'): EnvironmentEventBody => {
  return { kind: 'frozen', by, name, reason, until };
};
const namesOf = (freezes: readonly Freeze[]): string[] => freezes.map(({ name }) => name);

describe('the freezes in force', () => {
  it('end by themselves at their moment, and are told the one that ends first first', () => {
    const log = logOf(frozen('long', 300), frozen('short', 200));
    expect(namesOf(freezesInForce(log, 199))).toEqual(['short', 'long']);
    expect(namesOf(freezesInForce(log, 200))).toEqual(['long']);
    expect(freezesInForce(log, 300)).toEqual([]);
  });

  it('are ended by a thaw of their own name, replaced by another of it, and may come back', () => {
    const first = [
      frozen('one', 200),
      frozen('two', 200, 'move'),
      { kind: 'thawed', by, name: 'one' },
    ] as const;
    expect(namesOf(freezesInForce(logOf(...first), 100))).toEqual(['two']);
    const again = logOf(...first, frozen('two', 400, 'longer'), frozen('one', 300));
    expect(freezesInForce(again, 250)).toEqual([
      { name: 'one', reason: 'audit', until: 300, by, at: 4 },
      { name: 'two', reason: 'longer', until: 400, by, at: 3 },
    ]);
  });

  it('are not told from a log with a gap, or of a newer version', () => {
    const log = logOf(frozen('one', 200), frozen('two', 200));
    expect(() => freezesInForce(log.slice(1), 100)).toThrow('event 0 is missing before event 1');
    const newer = log.map((event) => ({ ...event, format: EVENT_FORMAT + 1 }));
    expect(() => freezesInForce(newer, 100)).toThrow(`is of format ${EVENT_FORMAT + 1}`);
  });

  it('an event without what belongs to it is cut off, one of an unknown kind is foreign', () => {
    const [event] = logOf(frozen('one', 200));
    expect(shapeOfEvent(JSON.stringify(event))).toEqual({ kind: 'whole', value: event });
    expect(shapeOfEvent(JSON.stringify({ ...event, until: 'tomorrow' })).kind).toBe('torn');
    expect(shapeOfEvent(JSON.stringify({ ...event, kind: 'toString' })).kind).toBe('foreign');
    expect(shapeOfEvent(JSON.stringify({ ...event, kind: 'later', format: 99 })).kind).toBe('whole');
  });
});

describe('whether a deployment may pass', () => {
  const freezes = freezesInForce(logOf(frozen('one', 200), frozen('two', 300)), 100);

  it.each([
    { names: [], kind: 'frozen', left: ['one', 'two'] },
    { names: ['one'], kind: 'frozen', left: ['two'] },
    { names: ['two', 'one'], kind: 'open', left: [] },
  ])('past two freezes with $names: $kind', ({ names, kind, left }) => {
    const passage = passageOf(freezes, names);
    expect(passage.kind).toBe(kind);
    expect(passage.kind === 'frozen' ? namesOf(passage.by) : []).toEqual(left);
  });

  it('without a freeze passes; a name that is not in force is refused, with a freeze and without', () => {
    expect(passageOf([], [])).toEqual({ kind: 'open', overridden: [] });
    expect(passageOf([], ['one'])).toEqual({ kind: 'unknown', names: ['one'] });
    expect(passageOf(freezes, ['one', 'two', 'three'])).toEqual({ kind: 'unknown', names: ['three'] });
  });
});

describe('what a person types for a freeze', () => {
  const until = (text: unknown) => freezeRequest({ reason: 'audit', until: text }, NOW).until;

  it.each([
    ['2026-11-21T12:00:01Z', NOW + 1000],
    ['2026-11-21T14:00+01:00', NOW + 3_600_000],
    ['2026-11-21T14:00:00.5+0100', NOW + 3_600_500],
    ['90m', NOW + 90 * 60_000],
    ['4h', NOW + 4 * 3_600_000],
    ['2d', NOW + 48 * 3_600_000],
    ['1w1d1h1m', NOW + (8 * 24 + 1) * 3_600_000 + 60_000],
  ])('--until %s', (text, at) => {
    expect(until(text)).toBe(at);
  });

  it.each([
    '2026-12-24T18:00:00', // no zone
    '2026-12-24',
    '2026-02-30T00:00:00Z', // no such day
    '2026-12-24T24:00:00Z',
    '2026-12-24T18:00:00+25:00',
    'tomorrow',
    '4',
    '4 h',
    '4s',
    '1.5h',
    '-4h',
    '',
    '999999w999999w',
    '999999w', // later than four digits of a year
    undefined,
    ['4h', '5h'],
  ])('--until %j is refused with what is allowed', (text) => {
    expect(() => until(text)).toThrow(/^--until is .*; it must be a time with its zone .* or a duration of/);
  });

  it.each(['2026-11-21T12:00:00Z', '2020-01-01T00:00:00Z', '0h'])(
    '--until %s is not in the future',
    (text) => {
      expect(() => until(text)).toThrow('not in the future: it is 2026-11-21T12:00:00.000Z now');
    },
  );

  it('has a name unless one is given, and a reason of one line', () => {
    expect(freezeRequest({ reason: '  audit  ', until: '1h' }, NOW)).toMatchObject({
      name: 'freeze',
      reason: 'audit',
    });
    expect(freezeName('name', 'Xmas-2026.1_a')).toBe('Xmas-2026.1_a');
    for (const name of ['', ' ', 'a b', '-a', 'a/b', 'é', 'x'.repeat(64), undefined, ['a', 'b']])
      expect(() => freezeName('name', name)).toThrow(/^--name is .*; it must be 1 to 63 letters/);
    for (const text of ['', '  ', 'two\nlines', '\u001b[2J', 'x'.repeat(501), undefined, ['a', 'b']])
      expect(() => freeText('reason', text)).toThrow(/^--reason is .*; it must be one line of 1 to 500/);
  });

  it('tells all that is wrong at once, as bad input', () => {
    const work = () => freezeRequest({ name: 'a b', reason: '', until: 'soon' }, NOW);
    expect(work).toThrow(/--name .*--reason .*--until /);
    expect(work).toThrow(expect.objectContaining({ code: 'BASCULE_USAGE', exitCode: 2 }));
  });
});
