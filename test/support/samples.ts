import type { Counts } from '../../src/domain/analysis/measurement';

/** Mulberry32: the same samples in each run of a test. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many requests of which each fails with this probability; jumps from one failure to the next. */
export function sample(next: () => number, requests: number, rate: number): Counts {
  for (let at = 0, failures = 0; ; failures += 1) {
    at += Math.floor(Math.log(1 - next()) / Math.log(1 - rate)) + 1;
    if (at > requests) return { requests, failures };
  }
}
