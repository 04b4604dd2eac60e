import type { MetricCheck, Look } from '../../src/ports';
import { percentilesFor } from '../../src/domain/analysis/latency';
import type { Counts, Latencies, Measurement } from '../../src/domain/analysis/measurement';

/** A thousand requests in each second, none of which failed. */
const WELL: Counts = { requests: 1000, failures: 0 };

/** Both colours with these counts over the whole look. */
export function rateOf(look: Look, ofNew: Counts | null, ofOld: Counts | null): Measurement {
  const window = { from: look.from, to: look.to };
  return {
    kind: 'rate',
    window,
    periods: [{ ...window, new: ofNew, old: ofOld }],
    before: look.before === null ? null : [WELL],
  };
}

/** A measurement with which every check passes, of the kind that the check needs. */
export function wellMeasured(check: MetricCheck, look: Look): Measurement {
  const window = { from: look.from, to: look.to };
  switch (check.kind) {
    case 'error-rate':
    case 'connection-errors':
      return rateOf(look, WELL, WELL);
    case 'latency': {
      const fast: Latencies = {
        requests: 1000,
        seconds: Object.fromEntries(percentilesFor(check.percentile).map((one) => [one, 0.01])),
      };
      return { kind: 'latency', window, new: fast, old: fast };
    }
    case 'unhealthy-hosts':
      return { kind: 'hosts', window, unhealthy: 0 };
    case 'alarms':
      return {
        kind: 'alarms',
        window,
        alarms: check.names.map((name) => ({ name, state: 'OK', reason: '' })),
      };
  }
}
