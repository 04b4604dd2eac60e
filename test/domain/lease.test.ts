import { describe, expect, it } from 'vitest';
import { proofsWanted, shapeOfLease, standingOf, type LeaseState } from '../../src/domain/lease';

const lease: LeaseState = {
  holder: { host: 'ci-7', pid: 42, user: 'ada', job: null },
  deployment: 'one',
  fence: 3,
  acquiredAt: 1000,
  expiresAt: 61_000,
  released: false,
};

describe('whether a lease is held', () => {
  it.each([
    { what: 'nobody ever had it', of: undefined, now: 0, sight: 'unknown', kind: 'free' },
    {
      what: 'it was given back',
      of: { ...lease, released: true },
      now: 2000,
      sight: 'running',
      kind: 'free',
    },
    {
      what: 'it has not expired and nothing is seen',
      of: lease,
      now: 60_999,
      sight: 'unknown',
      kind: 'held',
    },
    { what: 'its process runs here', of: lease, now: 60_999, sight: 'running', kind: 'held' },
    { what: 'its process ran here and ended', of: lease, now: 2000, sight: 'gone', kind: 'abandoned' },
    { what: 'it expired and nothing is seen', of: lease, now: 61_000, sight: 'unknown', kind: 'abandoned' },
    {
      what: 'it expired though its process runs',
      of: lease,
      now: 61_000,
      sight: 'running',
      kind: 'abandoned',
    },
  ] as const)('$what: $kind', ({ of, now, sight, kind }) => {
    expect(standingOf(of, now, sight).kind).toBe(kind);
  });

  it('is proven by what a person can check', () => {
    expect(standingOf(lease, 2000, 'gone')).toMatchObject({
      proof: 'process 42 on ci-7, which held it, does not run any more',
    });
    expect(standingOf(lease, 70_000, 'unknown')).toMatchObject({
      proof: 'its lease expired at 1970-01-01T00:01:01.000Z and was not renewed',
    });
    expect(proofsWanted(lease, 'unknown').join(' ')).toMatch(
      /until 1970-01-01T00:01:01.*from ci-7, process 42/,
    );
    expect(proofsWanted(lease, 'running').join(' ')).toMatch(/process 42 ends, which runs on this machine/);
  });
});

it('a text is a lease only with all that one has', () => {
  expect(shapeOfLease(JSON.stringify(lease))).toEqual(lease);
  const marked = { ...lease, holder: { ...lease.holder, process: { space: 'x', startedAt: '1' } } };
  expect(shapeOfLease(JSON.stringify(marked))).toEqual(marked);
  for (const text of ['', 'null', '[]', '{"fence":1}', JSON.stringify({ ...lease, expiresAt: '61' })])
    expect(shapeOfLease(text)).toBeUndefined();
});
