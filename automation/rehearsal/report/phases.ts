import type { LoadBucket } from '../load/types';
import type { RehearsalReport, RehearsedDeployment } from './types';

/** A stretch of the load: one deployment, or the time between two. Times are Unix milliseconds. */
export interface Phase {
  name: string;
  /** The deployment that ran, or null between two. */
  deployment: RehearsedDeployment | null;
  startedAt: number;
  endedAt: number;
  byVersion: Record<string, number>;
  completed: number;
  failed: number;
  longestGapMilliseconds: number;
}

function emptyPhase(
  name: string,
  deployment: RehearsedDeployment | null,
  startedAt: number,
  endedAt: number,
): Phase {
  return {
    name,
    deployment,
    startedAt,
    endedAt,
    byVersion: {},
    completed: 0,
    failed: 0,
    longestGapMilliseconds: 0,
  };
}

/** The stretches without their counts: deployments cut to the load's own time, and what lies between them. */
function stretches(report: RehearsalReport): Phase[] {
  const { load } = report;
  const during = report.deployments
    .filter((deployment) => deployment.endedAt > load.startedAt && deployment.startedAt < load.endedAt)
    .sort((one, other) => one.startedAt - other.startedAt);
  const phases: Phase[] = [];
  let at = load.startedAt;
  let before = during[0] ? `before ${during[0].what}` : 'all of it';
  for (const deployment of during) {
    if (deployment.startedAt > at) phases.push(emptyPhase(before, null, at, deployment.startedAt));
    const endedAt = Math.min(deployment.endedAt, load.endedAt);
    phases.push(emptyPhase(deployment.what, deployment, Math.max(at, deployment.startedAt), endedAt));
    at = Math.max(at, endedAt);
    before = `after ${deployment.what}`;
  }
  if (at < load.endedAt) phases.push(emptyPhase(before, null, at, load.endedAt));
  return phases;
}

function add(phase: Phase, bucket: LoadBucket): void {
  for (const [version, responses] of Object.entries(bucket.byVersion)) {
    phase.byVersion[version] = (phase.byVersion[version] ?? 0) + responses;
    phase.completed += responses;
  }
  phase.failed += bucket.failed;
  phase.longestGapMilliseconds = Math.max(phase.longestGapMilliseconds, bucket.longestGapMilliseconds);
}

/**
 * Who answered when: the requests that ended in each phase of the rehearsal. Every bucket counts for exactly
 * one phase, so the rows add up to the totals.
 */
export function phasesOf(report: RehearsalReport): Phase[] {
  const phases = stretches(report);
  for (const bucket of report.load.buckets) {
    const middle = bucket.at + report.load.bucketMilliseconds / 2;
    const phase = phases.find(({ endedAt }) => middle < endedAt) ?? phases.at(-1);
    if (phase) add(phase, bucket);
  }
  return phases;
}

/** The version keys that answered, in the order in which they first did. */
export function versionsOf(report: RehearsalReport): string[] {
  const seen = new Set<string>();
  for (const bucket of report.load.buckets) {
    for (const version of Object.keys(bucket.byVersion)) seen.add(version);
  }
  return [...seen];
}

/** The slow requests in flight at a time (Unix milliseconds), as the bucket of that time saw it. */
export function slowInFlightAt(buckets: LoadBucket[], at: number): number {
  let found = 0;
  for (const bucket of buckets) {
    if (bucket.at > at) break;
    found = bucket.slowInFlight;
  }
  return found;
}
