import type { Window } from './measurement';

/** `error` is that nothing could be measured; `inconclusive` that what was measured decides nothing. */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'error';

/** One number of an assessment, for the progress, the page and the chart of the report. */
export interface Figure {
  name: string;
  value: number | null;
  /** The value beyond which the check fails; null where there is none. */
  limit: number | null;
  unit: 'share' | 'seconds' | 'count';
}

export interface Assessment {
  verdict: Verdict;
  /** One sentence with the numbers in it. */
  reason: string;
  window: Window;
  figures: Figure[];
  /** The logarithm of the evidence that the new colour fails more often, for the weights that come after this one. */
  evidence?: number;
}

const WORST_FIRST: Verdict[] = ['fail', 'error', 'inconclusive', 'pass'];

/** A failure outweighs all; a pass needs that all pass. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? 'inconclusive';
}

/** 0.0213 as 2.13 %. */
export function share(value: number): string {
  return `${Number((value * 100).toPrecision(3))} %`;
}

/** 0.0213 as 21.3 ms. */
export function duration(seconds: number): string {
  return seconds < 1
    ? `${Number((seconds * 1000).toPrecision(3))} ms`
    : `${Number(seconds.toPrecision(3))} s`;
}
