import type { LoadResult } from './load/types';
import type { RehearsalCheck, RehearsedDeployment } from './report/types';
import type { CommandRun } from './cast';
import { isShift } from './report/chart-data';
import { slowInFlightAt } from './report/phases';

export interface Expectation {
  what: string;
  exitCode: number;
  outcome: string;
}

/** A deployment as the report shows it, from what its command printed. */
export function rehearsed(run: CommandRun, expected: Expectation): RehearsedDeployment {
  const { json } = run;
  const outcome = json.outcome ?? (json.error === undefined ? 'unknown' : 'refused');
  const reason = (json as { reason?: { message: string; details: string[] } | null }).reason;
  const message =
    reason === undefined || reason === null
      ? (json.error?.message ?? json.message)
      : [reason.message, ...reason.details].join('\n');
  return {
    id: json.deployment ?? '',
    what: expected.what,
    ...(json.from === undefined || json.from === null ? {} : { from: json.from }),
    ...(json.to === undefined ? {} : { to: json.to }),
    outcome,
    expected: expected.outcome,
    asExpected: run.exitCode === expected.exitCode && outcome === expected.outcome,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    steps: (json.steps ?? []).flatMap((step) =>
      step.startedAt === null
        ? []
        : [
            {
              name: step.step,
              startedAt: step.startedAt,
              endedAt: step.endedAt ?? run.endedAt,
              outcome: step.phase,
              ...(step.reason === null ? {} : { note: step.reason }),
            },
          ],
    ),
    ...(message === undefined || message === null ? {} : { message }),
  };
}

/** The fewest requests that make a rehearsal mean something. */
export const LEAST_REQUESTS = 50_000;

/** What must be true of a whole rehearsal. */
export function judge(
  load: LoadResult,
  deployments: readonly RehearsedDeployment[],
  slow: boolean,
): RehearsalCheck[] {
  const checks: RehearsalCheck[] = [
    { name: 'failed requests', expected: '0', found: String(load.failed), ok: load.failed === 0 },
    {
      name: 'requests sent',
      expected: `at least ${LEAST_REQUESTS}`,
      found: String(load.sent),
      ok: load.sent >= LEAST_REQUESTS,
    },
    {
      name: 'requests unaccounted for',
      expected: '0',
      found: String(load.unaccounted),
      ok: load.unaccounted === 0,
    },
    ...deployments.map((one) => ({
      name: one.what,
      expected: one.expected,
      found: one.outcome,
      ok: one.asExpected,
    })),
    ...deployments.filter((one) => one.expected === 'failed').map((one) => untouched(one, load)),
  ];
  if (!slow) return checks;
  return [
    ...checks,
    ...deployments.filter((one) => one.expected === 'succeeded').flatMap((one) => slowAtCutover(one, load)),
  ];
}

/** A refused release must never answer; what answers is the release that was live before. */
function untouched(one: RehearsedDeployment, load: LoadResult): RehearsalCheck {
  const during = load.buckets.filter((bucket) => bucket.at >= one.startedAt && bucket.at <= one.endedAt);
  const versions = [...new Set(during.flatMap((bucket) => Object.keys(bucket.byVersion)))];
  const refusedAnswered = versions.some((version) => version.split(' ')[0] === one.to);
  const liveAnswered = versions.some((version) => version.split(' ')[0] === one.from);
  return {
    name: `traffic during ${one.what}`,
    expected: 'untouched',
    found: versions.join(', ') || 'none',
    ok: liveAnswered && !refusedAnswered,
  };
}

/** Slow requests must be in flight when traffic moves, or the rehearsal proves nothing about them. */
function slowAtCutover(one: RehearsedDeployment, load: LoadResult): RehearsalCheck[] {
  const cutover = one.steps.find((step) => isShift(step.name));
  if (cutover !== undefined && cutover.startedAt < load.startedAt) return [];
  // A deployment that says nothing of its cutover proves nothing: no slow request was in flight at it.
  const inFlight = cutover === undefined ? 0 : slowInFlightAt(load.buckets, cutover.startedAt);
  return [
    {
      name: `slow requests in flight at the cutover of ${one.what}`,
      expected: 'at least 1',
      found: String(inFlight),
      ok: inFlight > 0,
    },
  ];
}
