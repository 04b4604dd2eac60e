import { monitorEventLoopDelay } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { CountedConnection } from './connection';
import { Pace } from './pace';
import { Tally } from './tally';
import type { LoadDelta, RequestKind, ResolvedLoadOptions } from './types';

/** autocannon wants an end; the longest that a timer can hold is 24 days. */
const UNTIL_STOPPED_SECONDS = 2_000_000;
/** How soon autocannon looks whether it was stopped. */
const STOP_POLL_MILLISECONDS = 50;
/** A slow path that answers at once must not become a flood. */
const SLOW_INTERVAL_MILLISECONDS = 500;
const STALL_RESOLUTION_MILLISECONDS = 10;

const clock = (): number => performance.timeOrigin + performance.now();

interface Group {
  kind: RequestKind;
  path: string;
  connections: number;
  intervalMilliseconds: number;
}

function groupsOf(options: ResolvedLoadOptions): Group[] {
  const { keepAliveConnections, freshConnections, requestsPerSecond, path, slow } = options;
  const quick = keepAliveConnections + freshConnections;
  const intervalMilliseconds = (1000 * quick) / requestsPerSecond;
  const groups: Group[] = [
    { kind: 'keep-alive', path, connections: keepAliveConnections, intervalMilliseconds },
    { kind: 'fresh', path, connections: freshConnections, intervalMilliseconds },
  ];
  if (slow) groups.push({ kind: 'slow', ...slow, intervalMilliseconds: SLOW_INTERVAL_MILLISECONDS });
  return groups.filter((group) => group.connections > 0);
}

/** Load on one URL, made by autocannon in this process, counted request by request. */
export class Generator {
  private readonly tally: Tally;
  private readonly connections: CountedConnection[] = [];
  private readonly runs: Promise<unknown>[] = [];
  private readonly instances: autocannon.Instance[] = [];
  private readonly stalls = monitorEventLoopDelay({ resolution: STALL_RESOLUTION_MILLISECONDS });
  private becameIdle: (() => void) | null = null;

  /** Starts at once. */
  constructor(private readonly options: ResolvedLoadOptions) {
    const startedAt = clock();
    this.tally = new Tally(startedAt, options.bucketMilliseconds);
    this.stalls.enable();
    for (const group of groupsOf(options)) this.startGroup(group, startedAt);
  }

  private startGroup(group: Group, startedAt: number): void {
    const { url, headers, timeoutSeconds } = this.options;
    let index = 0;
    const options: autocannon.Options = {
      url: new URL(group.path, url).href,
      connections: group.connections,
      duration: UNTIL_STOPPED_SECONDS,
      timeout: timeoutSeconds,
      sampleInt: STOP_POLL_MILLISECONDS,
      headers,
      setupClient: (client) => {
        const offset = (group.intervalMilliseconds * index++) / group.connections;
        const pace = new Pace(startedAt + offset, group.intervalMilliseconds);
        this.connections.push(this.count(client, group, pace));
      },
      ...(group.kind === 'fresh' ? { reconnectRate: 1 } : {}),
    };
    this.runs.push(
      new Promise((resolve, reject) => {
        const finished = (error: Error | null, result: unknown): void =>
          error ? reject(error) : resolve(result);
        this.instances.push(autocannon(options, finished));
      }),
    );
  }

  private count(client: unknown, group: Group, pace: Pace): CountedConnection {
    const { failOn, timeoutSeconds } = this.options;
    return new CountedConnection(client, {
      kind: group.kind,
      path: group.path,
      failOn,
      timeoutSeconds,
      pace,
      tally: this.tally,
      now: clock,
      idle: () => {
        if (this.tally.inFlight === 0) this.becameIdle?.();
      },
    });
  }

  /** Counts and buckets that changed since the last call. */
  takeDelta(): LoadDelta {
    const stall = Math.max(0, this.stalls.max / 1e6 - STALL_RESOLUTION_MILLISECONDS);
    return this.tally.takeDelta(clock(), Number.isFinite(stall) ? stall : 0);
  }

  /**
   * Sends nothing more and waits for the requests in flight, each of which ends by its response or its
   * time-out: stopping makes no request fail.
   */
  async stop(): Promise<void> {
    this.tally.stop(clock());
    for (const connection of this.connections) connection.stop();
    if (this.tally.inFlight > 0) await new Promise<void>((resolve) => (this.becameIdle = resolve));
    for (const instance of this.instances) instance.stop();
    await Promise.all(this.runs);
    this.stalls.disable();
  }
}
