/** How a request reaches the service: over a connection used before, over a new one, or by the slow path. */
export type RequestKind = 'keep-alive' | 'fresh' | 'slow';

export const REQUEST_KINDS: readonly RequestKind[] = ['keep-alive', 'fresh', 'slow'];

/** What the load generator is to do. Everything but `url` has a default. */
export interface LoadOptions {
  /** Origin of the load balancer, for example `http://127.31.4.9:80`. */
  url: string;
  /** Path of the quick requests; the path of `url` unless given. */
  path?: string;
  /** Requests of several seconds, always `connections` of them in flight. None unless given. */
  slow?: { path: string; connections: number };
  /** Connections that are kept and used again. Default 40. */
  keepAliveConnections?: number;
  /** Requests at a time that each open a connection of their own. Default 4. */
  freshConnections?: number;
  /** Rate of all quick requests together. Default 900. */
  requestsPerSecond?: number;
  /** A request without a complete response after this time has failed. Default 15. */
  timeoutSeconds?: number;
  /** Width of the buckets that counts and latencies are kept in. Default 100. */
  bucketMilliseconds?: number;
  /** Headers sent with each request. */
  headers?: Record<string, string>;
  /**
   * Which complete responses count as failed: `not-success` is every status outside 200–399 (the default),
   * `server-error` only 500 and above.
   */
  failOn?: 'not-success' | 'server-error';
}

/** Options with every default filled in. */
export type ResolvedLoadOptions = Required<Omit<LoadOptions, 'slow'>> & { slow: LoadOptions['slow'] | null };

/** One request that failed, with all that is known of it. Times are Unix milliseconds. */
export interface LoadFailure {
  at: number;
  path: string;
  kind: RequestKind;
  /** What went wrong, in words, for example `connection closed before the response was complete`. */
  reason: string;
  durationMilliseconds: number;
  /** Whether the connection had carried a complete response before. */
  reusedConnection: boolean;
  status: number | null;
  /** The target header of the response, where one came. */
  target: string | null;
}

/** Durations of quick requests; `histogram` holds pairs of bin and count, see histogram.ts. */
export interface BucketLatency {
  count: number;
  sumMilliseconds: number;
  maxMilliseconds: number;
  histogram: [bin: number, count: number][];
}

/** What ended within one bucket of time, starting at `at` (Unix milliseconds). */
export interface LoadBucket {
  at: number;
  /** Successful responses by version key (see versions.ts). */
  byVersion: Record<string, number>;
  failed: number;
  latency: BucketLatency;
  /** Slow requests in flight when the bucket was last touched. */
  slowInFlight: number;
  /** The longest time without a successful response that ended in this bucket. */
  longestGapMilliseconds: number;
}

export interface LatencySummary {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

export interface KindTotals {
  sent: number;
  completed: number;
  failed: number;
  longestMilliseconds: number;
}

/** Everything but the buckets and the failures: small enough to be sent often. */
export interface LoadTotals {
  /** Unix milliseconds. */
  startedAt: number;
  /** Unix milliseconds; the time of the snapshot while the load runs. */
  endedAt: number;
  /** When stop was asked for; what was in flight then ended between this and `endedAt`. Null while it runs. */
  stoppedAt: number | null;
  bucketMilliseconds: number;
  /** Requests whose first byte was handed to a connection. Equals completed + failed + inFlight. */
  sent: number;
  completed: number;
  failed: number;
  /** Requests without an end yet; 0 in a final result. */
  inFlight: number;
  /** Requests that were neither completed, failed nor in flight. Anything but 0 is a defect of the generator. */
  unaccounted: number;
  byVersion: Record<string, number>;
  byKind: Record<RequestKind, KindTotals>;
  failuresByReason: Record<string, number>;
  /** The longest time with no successful response at all, from the start until stop was asked for. */
  longestGapMilliseconds: number;
  /** When that gap began; Unix milliseconds. */
  longestGapAt: number;
  /** Milliseconds, of the quick requests (keep-alive and fresh) that were completed. */
  latency: LatencySummary;
  /** The longest time the generator's own process stood still: gaps up to this may be its own. */
  generatorStallMilliseconds: number;
}

/** What the load generator found. `failures` holds the first ones, `failed` counts all. */
export interface LoadResult extends LoadTotals {
  failures: LoadFailure[];
  buckets: LoadBucket[];
}

/** What changed since the message before: buckets replace those of the same time, failures are added. */
export interface LoadDelta {
  totals: LoadTotals;
  buckets: LoadBucket[];
  failures: LoadFailure[];
}

/** From the load generator's process to its parent. */
export type LoadMessage =
  | { type: 'delta'; delta: LoadDelta }
  | { type: 'final'; delta: LoadDelta }
  | { type: 'error'; message: string };

/** From the parent to the load generator's process; options come this way too, so that no `ps` shows a header. */
export type LoadCommand = { type: 'start'; options: LoadOptions } | { type: 'stop' };
