import * as http from 'node:http';
import * as https from 'node:https';
import type { InstanceState, TargetGroupState, TargetState, TargetTruth } from '../contract';
import { HealthChecker } from './health-checker';
import { headerSafe } from './headers';
import { subjectOf } from './stickiness';
import type { TargetAddress } from './types';

/**
 * How long a connection to a target may wait for its next request. Node closes idle connections after 5 s,
 * other servers after as little as 2 s; a request sent at that very moment would be lost. AWS keeps them
 * longer and answers 502 then; on one machine a new connection costs next to nothing.
 */
const UPSTREAM_IDLE_MS = 1000;

/** Something under way to a target that can be cut off: a request or a WebSocket. */
export interface Underway {
  readonly loadBalancerArn: string;
  cut(): void;
}

const TRUTHS = {
  unused: {
    state: 'unused',
    reason: 'Target.NotInUse',
    description: 'Target group is not configured to receive traffic from the load balancer',
  },
  draining: {
    state: 'draining',
    reason: 'Target.DeregistrationInProgress',
    description: 'Target deregistration is in progress',
  },
  unchecked: {
    state: 'unavailable',
    reason: 'Target.HealthCheckDisabled',
    description: 'Health checks are disabled for this target group',
  },
} as const satisfies Record<string, TargetTruth>;

/** What a target needs to know of the group it is registered with. */
export interface TargetContext {
  group(): TargetGroupState;
  address(instanceId: string): TargetAddress | undefined;
  healthChanged(): void;
}

/** One registration of an instance with a target group, from its beginning to the end of its draining. */
export class Target {
  readonly underway = new Set<Underway>();
  /** What the sticky cookies call this target. */
  readonly subject: string;
  /** Value of the header x-bascule-target. */
  label = '';
  draining = false;
  private readonly agent: http.Agent;
  private checker: HealthChecker | undefined;
  private inUse = false;
  private instance: InstanceState | undefined;
  private cutTimer: NodeJS.Timeout | undefined;

  constructor(
    readonly id: string,
    private readonly context: TargetContext,
  ) {
    this.subject = subjectOf(context.group().arn, id);
    const options = { keepAlive: true, scheduling: 'lifo' as const, timeout: UPSTREAM_IDLE_MS };
    this.agent = this.secure ? new https.Agent(options) : new http.Agent(options);
  }

  /** Takes over what the control plane says of this registration. */
  update(state: TargetState, instance: InstanceState | undefined, inUse: boolean): void {
    this.instance = instance;
    this.inUse = inUse;
    this.label = [this.id, instance?.tags['colour'] ?? '', instance?.tags['version'] ?? '']
      .map(headerSafe)
      .join(';');
    if (state.deregisteredAt !== null) this.draining = true;
    const checked =
      inUse && !this.draining && this.gone === undefined && this.context.group().healthCheck.enabled;
    if (!checked) return this.stopChecking();
    this.checker ??= new HealthChecker(
      () => this.context.group().healthCheck,
      () => this.checkAddress(),
      () => this.context.healthChanged(),
    );
    this.checker.refresh();
  }

  get truth(): TargetTruth {
    if (this.draining) return TRUTHS.draining;
    if (this.gone !== undefined) {
      return {
        state: 'unused',
        reason: 'Target.InvalidState',
        description: `Target is in the ${this.gone} state`,
      };
    }
    if (!this.inUse) return TRUTHS.unused;
    return this.checker?.health.truth ?? TRUTHS.unchecked;
  }

  get routable(): boolean {
    return !this.draining && this.gone === undefined;
  }

  get healthy(): boolean {
    return this.checker === undefined || this.checker.health.state === 'healthy';
  }

  get address(): TargetAddress | undefined {
    return this.context.address(this.id);
  }

  /** Starts a request to the target over a kept connection, or a new one when none is free. */
  request(address: TargetAddress, options: http.RequestOptions): http.ClientRequest {
    const settings = { ...options, host: address.host, port: address.port, rejectUnauthorized: false };
    const client = this.secure ? https : http;
    return client.request({ ...settings, agent: options.agent ?? this.agent });
  }

  /**
   * No new work comes to this target any more; what is under way may go on until the given time.
   * @param until Unix milliseconds
   * @param ended called when the time is over, with the number of requests that were cut off
   */
  retire(until: number, now: number, ended: (cut: number) => void): void {
    this.draining = true;
    this.stopChecking();
    // A connection that falls free from now on has no further request to wait for.
    this.agent.maxFreeSockets = 0;
    for (const socket of Object.values(this.agent.freeSockets).flatMap((sockets) => sockets ?? [])) {
      socket.destroy();
    }
    clearTimeout(this.cutTimer);
    // setTimeout holds at most 2^31 ms; AWS allows a delay of an hour.
    const wait = Math.min(Math.max(until - now, 0), 3_600_000);
    this.cutTimer = setTimeout(() => {
      const cut = this.underway.size;
      this.close();
      ended(cut);
    }, wait);
  }

  /** Cuts off everything at once. */
  close(): void {
    clearTimeout(this.cutTimer);
    this.stopChecking();
    for (const work of [...this.underway]) work.cut();
    this.agent.destroy();
  }

  private get secure(): boolean {
    return this.context.group().protocol === 'HTTPS';
  }

  /** The state of an instance that AWS no longer checks or sends requests to. */
  private get gone(): string | undefined {
    const state = this.instance?.state;
    return state === 'stopped' || state === 'terminated' ? state : undefined;
  }

  /**
   * An instance's process listens on a port of its own, which stands for the target group's port. A health
   * check port that is neither this one nor 'traffic-port' is taken literally.
   */
  private checkAddress(): TargetAddress | undefined {
    const address = this.address;
    const group = this.context.group();
    const port = group.healthCheck.port;
    if (address === undefined || port === 'traffic-port' || port === String(group.port)) return address;
    return { host: address.host, port: Number(port) };
  }

  private stopChecking(): void {
    this.checker?.stop();
    this.checker = undefined;
  }
}
