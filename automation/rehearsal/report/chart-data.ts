import { FIRST_BOUND_MILLISECONDS, GROWTH } from '../load/histogram';
import type { LoadBucket } from '../load/types';
import { parseVersionKey } from '../load/versions';
import { versionsOf } from './phases';
import type { RehearsalReport } from './types';

/** One version's line: how many responses each bucket holds. */
export interface VersionSeries {
  label: string;
  colour: 'blue' | 'green' | 'other';
  /** 0 for the first version of this colour, 1 for the next … */
  shade: number;
  counts: number[];
}

/** What the page's script draws. Seconds count from the start of the load; arrays have one entry per bucket. */
export interface ChartData {
  /** Start of the first bucket, in seconds; at most 0. */
  firstSecond: number;
  bucketSeconds: number;
  endSecond: number;
  versions: VersionSeries[];
  failed: number[];
  slowInFlight: number[];
  maxMilliseconds: number[];
  /** Bin and count, bin and count … as in load/histogram.ts. */
  histograms: number[][];
  /** How to read a bin's upper bound: `first * growth ** bin` milliseconds. */
  bins: { first: number; growth: number };
  /** Where a step moved traffic. */
  shifts: { second: number; label: string }[];
  deployments: { what: string; from: number; to: number; asExpected: boolean }[];
}

function emptyBucket(at: number, slowInFlight: number): LoadBucket {
  const latency = { count: 0, sumMilliseconds: 0, maxMilliseconds: 0, histogram: [] };
  return { at, byVersion: {}, failed: 0, latency, slowInFlight, longestGapMilliseconds: 0 };
}

/** Every bucket from the first to the last: one in which nothing happened is missing, and shows as a zero. */
function withoutHoles(buckets: LoadBucket[], width: number, until: number): LoadBucket[] {
  const dense: LoadBucket[] = [];
  for (const bucket of buckets) {
    if (bucket.at >= until) break;
    for (let last = dense.at(-1); last && last.at + width < bucket.at; last = dense.at(-1)) {
      dense.push(emptyBucket(last.at + width, last.slowInFlight));
    }
    dense.push(bucket);
  }
  return dense;
}

/** Whether a step's name says that it moves production traffic. */
export function isShift(name: string): boolean {
  return /\b(shift|cutover)\b/i.test(name);
}

function seriesOf(report: RehearsalReport, buckets: LoadBucket[]): VersionSeries[] {
  const shades = { blue: 0, green: 0, other: 0 };
  return versionsOf(report).map((label) => {
    const colour = parseVersionKey(label).colour || 'other';
    return {
      label,
      colour,
      shade: shades[colour]++,
      counts: buckets.map(({ byVersion }) => byVersion[label] ?? 0),
    };
  });
}

/** The time that the charts end at: what finishes after the load was stopped is no drop of traffic. */
export function chartEnd(report: RehearsalReport): number {
  return report.load.stoppedAt ?? report.load.endedAt;
}

/** The load and the deployments on one axis of seconds. */
export function chartDataOf(report: RehearsalReport): ChartData {
  const { load } = report;
  const buckets = withoutHoles(load.buckets, load.bucketMilliseconds, chartEnd(report));
  const second = (at: number): number => Number(((at - load.startedAt) / 1000).toFixed(3));
  return {
    firstSecond: second(buckets[0]?.at ?? load.startedAt),
    bucketSeconds: load.bucketMilliseconds / 1000,
    endSecond: second(chartEnd(report)),
    versions: seriesOf(report, buckets),
    failed: buckets.map(({ failed }) => failed),
    slowInFlight: buckets.map(({ slowInFlight }) => slowInFlight),
    maxMilliseconds: buckets.map(({ latency }) => Number(latency.maxMilliseconds.toFixed(1))),
    bins: { first: FIRST_BOUND_MILLISECONDS, growth: GROWTH },
    histograms: buckets.map(({ latency }) => latency.histogram.flat()),
    shifts: report.deployments.flatMap(({ steps, what }) =>
      steps
        .filter(({ name }) => isShift(name))
        .map(({ endedAt, name }) => ({ second: second(endedAt), label: `${what}: ${name}` })),
    ),
    deployments: report.deployments.map(({ what, startedAt, endedAt, asExpected }) => ({
      what,
      from: second(startedAt),
      to: second(endedAt),
      asExpected,
    })),
  };
}
