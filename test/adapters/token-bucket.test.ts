import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenBucket } from '../../src/adapters/token-bucket';

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

describe('TokenBucket', () => {
  it('lets a burst through at once and the rest at its rate, in order', async () => {
    const bucket = new TokenBucket(3, 10);
    const taken: number[] = [];
    for (let index = 0; index < 6; index += 1) void bucket.take().then(() => taken.push(index));
    await vi.advanceTimersByTimeAsync(0);
    expect(taken).toEqual([0, 1, 2]);
    await vi.advanceTimersByTimeAsync(100);
    expect(taken).toEqual([0, 1, 2, 3]);
    await vi.advanceTimersByTimeAsync(210);
    expect(taken).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('saves up no more than its size', async () => {
    const bucket = new TokenBucket(2, 10);
    await vi.advanceTimersByTimeAsync(60_000);
    let taken = 0;
    for (let index = 0; index < 5; index += 1) void bucket.take().then(() => (taken += 1));
    await vi.advanceTimersByTimeAsync(0);
    expect(taken).toBe(2);
  });

  it('takes half of the rate after a refusal, and all of it again later', async () => {
    const bucket = new TokenBucket(10, 10);
    const taken = countTaken(bucket, 1000);
    bucket.refused();
    // Calls that were under way together are refused together.
    bucket.refused();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(taken()).toBeGreaterThanOrEqual(9);
    expect(taken()).toBeLessThanOrEqual(12);
    await vi.advanceTimersByTimeAsync(40_000);
    const later = taken();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(taken() - later).toBeGreaterThanOrEqual(98);
  });

  it('holds nobody up before the first refusal when its rate is for afterwards', async () => {
    const bucket = new TokenBucket(2, 4, 'refusal');
    const taken = countTaken(bucket, 100);
    await vi.advanceTimersByTimeAsync(0);
    expect(taken()).toBe(100);
    bucket.refused();
    const afterwards = countTaken(bucket, 100);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(afterwards()).toBeGreaterThanOrEqual(3);
    expect(afterwards()).toBeLessThanOrEqual(5);
  });

  it('lets two that do not know of one another share an account', async () => {
    let left = 40;
    let refusals = 0;
    let served = [0, 0];
    const caller = async (bucket: TokenBucket, who: number): Promise<void> => {
      for (;;) {
        await bucket.take();
        if (left >= 1) {
          left -= 1;
          served = served.map((count, index) => (index === who ? count + 1 : count));
        } else {
          refusals += 1;
          bucket.refused();
        }
      }
    };
    const account = setInterval(() => (left = Math.min(40, left + 1)), 100);
    void caller(new TokenBucket(40, 10), 0);
    void caller(new TokenBucket(40, 10), 1);
    await vi.advanceTimersByTimeAsync(300_000);
    clearInterval(account);
    const [one = 0, other = 0] = served;
    // Nearly all that the account allows is used, by both alike, and few calls are refused.
    expect(one + other).toBeGreaterThan(2_600);
    expect(Math.abs(one - other)).toBeLessThan(500);
    expect(refusals).toBeLessThan(300);
  });
});

function countTaken(bucket: TokenBucket, wanted: number): () => number {
  let taken = 0;
  for (let index = 0; index < wanted; index += 1) void bucket.take().then(() => (taken += 1));
  return () => taken;
}
