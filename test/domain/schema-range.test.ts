/** What a release declares of the database, and what migrations made of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { databaseOf, mismatchOf, type Newcomer } from '../../src/domain/database';
import type { EnvironmentEvent, EnvironmentEventBody } from '../../src/domain/environment-log';
import { parseReleaseFile } from '../../src/domain/release-file';
import { overlaps, rangeOfTag, rangeText, type SchemaRange } from '../../src/domain/schema-range';

const by = { host: 'ci', pid: 1, user: 'ann', job: null };

function logOf(bodies: readonly EnvironmentEventBody[]): EnvironmentEvent[] {
  return bodies.map((body, sequence) => ({ ...body, format: 1, sequence, at: sequence * 1000 }));
}

function migrated(
  kind: 'expanded' | 'contracted',
  version: string,
  schema: SchemaRange | null,
): EnvironmentEventBody {
  return { kind, by, deployment: `to ${version}`, version, schema };
}

const range = fc.tuple(fc.nat(20), fc.nat(5)).map(([from, more]): SchemaRange => ({ from, to: from + more }));

describe('a release file', () => {
  it('declares a range, or nothing', () => {
    expect(parseReleaseFile('schema: { from: 4, to: 6 }')).toEqual({
      ok: true,
      release: { schema: { from: 4, to: 6 } },
    });
    expect(parseReleaseFile('# nothing yet\n')).toEqual({ ok: true, release: {} });
  });

  it.each([
    ['schema: { from: 7, to: 6 }', ['schema.to: 6 is less than schema.from 7']],
    ['schema: { from: 4.5, to: 6 }', ['schema.from', 'whole number']],
    ['schema: { from: -1, to: 6 }', ['schema.from', 'at least 0']],
    ['schema: { from: "4", to: 6 }', ['schema.from: "4" is not a']],
    ['schema: { to: 6 }', ['schema.from: missing']],
    ['schema: 4-6', ['schema: "4-6" is not a mapping']],
    ['shema: { from: 4, to: 6 }', ['shema: unknown key', 'schema: { from, to }']],
    ['- 4', ['a mapping']],
    ['schema: {', ['Flow map']],
  ])('%s is refused, naming the key and what is allowed', (text, parts) => {
    const parsed = parseReleaseFile(text);
    if (parsed.ok) throw new Error('was taken');
    for (const part of parts) expect(parsed.problems.join('\n')).toContain(part);
  });
});

describe('ranges', () => {
  it('come back from their tags; what is no range is none', () => {
    fc.assert(
      fc.property(range, (one) => {
        expect(rangeOfTag(rangeText(one))).toEqual(one);
      }),
    );
    for (const text of [undefined, '', '4', '6-4', '4-6-8', 'x-y', '-1-4'])
      expect(rangeOfTag(text)).toBeNull();
  });

  it('overlap where a version is in both, whichever way they are asked', () => {
    fc.assert(
      fc.property(range, range, (one, other) => {
        const within = (at: number, { from, to }: SchemaRange): boolean => from <= at && at <= to;
        const shared = Array.from({ length: 30 }, (_, at) => at).some(
          (at) => within(at, one) && within(at, other),
        );
        expect(overlaps(one, other)).toBe(shared);
        expect(overlaps(other, one)).toBe(shared);
      }),
    );
  });
});

describe("a database's range", () => {
  it('is moved up by an expand and by a contract, and never down again', () => {
    const log = [
      migrated('expanded', '1.0.0', { from: 1, to: 2 }),
      migrated('expanded', '2.0.0', { from: 2, to: 3 }),
      migrated('contracted', '2.0.0', { from: 2, to: 3 }),
      migrated('expanded', '1.0.1', { from: 1, to: 2 }),
    ];
    const ranges = log.map((_, index) => databaseOf(logOf(log.slice(0, index + 1))).range);
    expect(ranges).toEqual([
      { from: 0, to: 2 },
      { from: 0, to: 3 },
      { from: 2, to: 3 },
      { from: 2, to: 3 },
    ]);
    expect(databaseOf([])).toEqual({ range: null, contracts: [] });
  });

  it('knows nothing of a contract that never began', () => {
    const log = [
      migrated('contracted', '2.0.0', { from: 2, to: 3 }),
      { kind: 'notContracted' as const, by, deployment: 'to 2.0.0', why: 'no such file' },
    ];
    expect(databaseOf(logOf(log))).toEqual({ range: null, contracts: [] });
    const again = [...log, migrated('contracted', '2.0.0', { from: 2, to: 3 })];
    expect(databaseOf(logOf(again))).toMatchObject({ contracts: [{ version: '2.0.0', at: 2000 }] });
  });

  it('works with a release just where the two overlap, once contracts and releases all declare one', () => {
    const deployed = fc.array(fc.tuple(range, fc.boolean()), { maxLength: 6 });
    fc.assert(
      fc.property(deployed, range, (history, schema) => {
        const log = history.flatMap(([of, contracts], index) => [
          migrated('expanded', `${index}`, of),
          ...(contracts ? [migrated('contracted', `${index}`, of)] : []),
        ]);
        const database = databaseOf(logOf(log));
        const release: Newcomer = { version: 'x', schema, deployedAt: -Infinity, expands: false };
        const works = database.range === null || overlaps(database.range, schema);
        expect(mismatchOf(database, release) === undefined).toBe(works);
        // With its own expand only what was taken away is missing.
        const reaches = database.range === null || schema.to >= database.range.from;
        expect(mismatchOf(database, { ...release, expands: true }) === undefined).toBe(reaches);
      }),
    );
  });

  it('without a declaration keeps out whoever was there before a contract of another release', () => {
    const database = databaseOf(logOf([migrated('contracted', '2.0.0', null)]));
    const former: Newcomer = { version: '1.0.0', schema: null, deployedAt: -1, expands: false };
    expect(mismatchOf(database, former)).toMatchObject({ kind: 'past-contract' });
    expect(mismatchOf(database, { ...former, schema: { from: 1, to: 9 } })).toMatchObject({
      kind: 'past-contract',
    });
    expect(mismatchOf(database, { ...former, deployedAt: 5 })).toBeUndefined();
    expect(mismatchOf(database, { ...former, version: '2.0.0' })).toBeUndefined();
  });
});
