import { duration, share, type Figure } from './assessment';
import type { Measurement, Period, Window } from './measurement';

/** The numbers of an assessment against their limits, one a line. */
export function figureLines(figures: readonly Figure[]): string[] {
  return figures.map(
    ({ name, value, limit, unit }) =>
      `${name}: ${value === null ? 'no value' : told(value, unit)}${limit === null ? '' : `, limit ${told(limit, unit)}`}`,
  );
}

function told(value: number, unit: Figure['unit']): string {
  switch (unit) {
    case 'share':
      return share(value);
    case 'seconds':
      return duration(value);
    case 'count':
      return String(value);
  }
}

/** A window as a person reads it, in UTC. */
export function windowOf({ from, to }: Window): string {
  return `${clock(from)} to ${clock(to)} UTC`;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** So many periods with failures are listed one by one. */
const LISTED_PERIODS = 10;

/** The failed requests that a measurement knows of, the latest periods last. */
export function failedRequests(measured: Measurement | undefined): string[] {
  if (measured?.kind !== 'rate') return [];
  const bad = measured.periods.filter((period) => (period.new?.failures ?? 0) > 0);
  const left = bad.length - LISTED_PERIODS;
  return [
    ...(left > 0 ? [`${left} earlier period(s) with failed requests`] : []),
    ...bad.slice(-LISTED_PERIODS).map(periodLine),
  ];
}

function periodLine(period: Period): string {
  const { requests, failures } = period.new ?? { requests: 0, failures: 0 };
  return `${windowOf(period)}: ${failures} of ${requests} requests failed on the new colour`;
}
