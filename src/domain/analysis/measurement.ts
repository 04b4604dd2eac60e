/** A stretch of time in Unix milliseconds, without its end. */
export interface Window {
  from: number;
  to: number;
}

export interface Counts {
  requests: number;
  failures: number;
}

/** What both colours did in one period. Null is a period without metrics, which is not one without requests. */
export interface Period extends Window {
  new: Counts | null;
  old: Counts | null;
}

/** Requests of both colours since the analysis began, period by period. */
export interface RateMeasurement {
  kind: 'rate';
  window: Window;
  periods: Period[];
  /** What the old colour did while it still had traffic, period by period; for the time when it has none any more. */
  before: Counts[] | null;
}

/** Response times of one colour. */
export interface Latencies {
  requests: number;
  /** Percentile -> seconds, for the percentiles that `percentilesFor` names. */
  seconds: Readonly<Record<number, number>>;
}

export interface LatencyMeasurement {
  kind: 'latency';
  window: Window;
  new: Latencies | null;
  old: Latencies | null;
}

export interface HostsMeasurement {
  kind: 'hosts';
  window: Window;
  /** The most that were unhealthy at a time; null when it was not reported. */
  unhealthy: number | null;
}

export interface AlarmReading {
  name: string;
  state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA' | 'absent';
  reason: string;
}

export interface AlarmsMeasurement {
  kind: 'alarms';
  window: Window;
  alarms: AlarmReading[];
}

export interface CommandMeasurement {
  kind: 'command';
  window: Window;
  ending:
    | { kind: 'exited'; code: number }
    | { kind: 'killed'; signal: string }
    | { kind: 'timed-out' }
    | { kind: 'not-started'; reason: string };
  /** The last lines of what it printed. */
  output: string;
}

/** There was no answer: a throttled read, an unreachable endpoint, a refused permission. */
export interface NoMeasurement {
  kind: 'none';
  window: Window;
  reason: string;
}

export type Measurement =
  | RateMeasurement
  | LatencyMeasurement
  | HostsMeasurement
  | AlarmsMeasurement
  | CommandMeasurement
  | NoMeasurement;
