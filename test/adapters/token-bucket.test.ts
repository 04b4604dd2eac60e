import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenBucket } from '../../src/adapters/token-bucket';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
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
});
