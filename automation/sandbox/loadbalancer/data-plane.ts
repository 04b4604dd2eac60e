import { messageOf } from '../../../src/domain/errors';
import type { LoadBalancerState, ListenerState, SandboxState, TargetTruth } from '../contract';
import { Certificates } from './certificates';
import { RequestHandler } from './handler';
import { Listener, type ListenerPlace } from './listener';
import { Metrics } from './metrics';
import { compileRules, groupsNamedBy } from './rules';
import { TargetGroup } from './target-group';
import type {
  ConnectionSample,
  DataPlaneOptions,
  ListenerProblem,
  MetricSample,
  TargetAddress,
} from './types';

type AddressOf = (instanceId: string) => TargetAddress | undefined;

/** A port that could not be opened is tried again this often. */
const RETRY_OPEN_MS = 1000;

const NO_STATE: SandboxState = {
  revision: -1,
  loadBalancers: [],
  targetGroups: [],
  instances: [],
  certificates: [],
  commands: [],
  cuts: [],
};

/**
 * The load balancers of the sandbox: makes true, with real sockets, what the control plane holds of load
 * balancers, listeners, rules and target groups.
 *
 * It behaves as AWS documents for an Application Load Balancer, with these differences: no HTTP/2, no
 * slow start, no authentication (such an action is skipped, and logged), and the response header
 * x-bascule-target, which names the target that answered.
 */
export class DataPlane {
  private state = NO_STATE;
  private addressOf: AddressOf = () => undefined;
  private readonly groups = new Map<string, TargetGroup>();
  /** Groups the control plane no longer holds, whose last requests are still under way. */
  private readonly retiredGroups = new Set<TargetGroup>();
  private readonly listeners = new Map<string, Listener>();
  private readonly released = new Set<Listener>();
  private readonly problems = new Map<string, string>();
  private readonly metrics = new Metrics();
  private readonly certificates: Certificates;
  private readonly handler: RequestHandler;
  private readonly healthListeners: (() => void)[] = [];
  private queue: Promise<void> = Promise.resolve();
  private retryTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: DataPlaneOptions) {
    this.certificates = new Certificates(options.certificates?.authority);
    this.handler = new RequestHandler({
      groups: this.groups,
      metrics: this.metrics,
      now: () => this.now(),
      log: (line) => this.options.log(line),
    });
  }

  /**
   * Makes the state true. Rules, weights and targets of what is open already hold for the next request when
   * this returns its promise; the promise ends once all ports are opened and closed. Applying the same
   * state again changes nothing. A port that cannot be opened does not reject: see listenerProblems.
   * @param addressOf where an instance's process listens now; asked again for every request and check
   */
  async apply(state: SandboxState, addressOf: AddressOf): Promise<void> {
    if (this.closed) return;
    this.state = state;
    this.addressOf = addressOf;
    this.updateGroups();
    for (const { loadBalancer, listener } of wantedListeners(state)) {
      const open = this.listeners.get(listener.arn);
      if (open !== undefined) this.updateRules(open, loadBalancer, listener);
    }
    await this.settle();
  }

  /** The health of every target: target group ARN -> instance id -> health. */
  targetHealth(): Record<string, Record<string, TargetTruth>> {
    return Object.fromEntries([...this.groups].map(([arn, group]) => [arn, group.truths()]));
  }

  /** Calls back after any target's health, or the reason for it, has changed. */
  onHealthChange(listener: () => void): void {
    this.healthListeners.push(listener);
  }

  /** What was counted since the last call; nothing for groups without traffic. */
  drainMetrics(): MetricSample[] {
    return this.metrics.drain(this.now(), (loadBalancerArn, targetGroupArn) => {
      const targets = this.allTargets().filter(({ group }) => group.arn === targetGroupArn);
      const work = targets.flatMap(({ target }) => [...target.underway]);
      return work.filter((one) => one.loadBalancerArn === loadBalancerArn).length;
    });
  }

  /** The connections of each load balancer, and how many were opened since the last call. */
  drainConnections(): ConnectionSample[] {
    const active = new Map<string, number>();
    const add = (arn: string, count: number) => active.set(arn, (active.get(arn) ?? 0) + count);
    for (const listener of [...this.listeners.values(), ...this.released])
      if (listener.connections > 0) add(listener.loadBalancerArn, listener.connections);
    for (const { target } of this.allTargets())
      for (const work of target.underway) add(work.loadBalancerArn, 1);
    return this.metrics.drainConnections(this.now(), active);
  }

  /** The listeners whose port could not be opened, and why; each is tried again every second. */
  listenerProblems(): ListenerProblem[] {
    return [...this.problems].map(([listenerArn, message]) => ({ listenerArn, message }));
  }

  /** The requests and WebSockets under way to an instance, or to all of them. */
  openRequests(instanceId?: string): number {
    const targets = this.allTargets().map(({ target }) => target);
    const chosen = instanceId === undefined ? targets : targets.filter((target) => target.id === instanceId);
    return chosen.reduce((sum, target) => sum + target.underway.size, 0);
  }

  /** The requests and WebSockets under way to each instance that has any. */
  openByInstance(): ReadonlyMap<string, number> {
    const open = new Map<string, number>();
    for (const { target } of this.allTargets())
      if (target.underway.size > 0) open.set(target.id, (open.get(target.id) ?? 0) + target.underway.size);
    return open;
  }

  /** Closes every port, connection and timer at once. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retryTimer);
    await this.queue;
    for (const group of [...this.groups.values(), ...this.retiredGroups]) group.close();
    const listeners = [...this.listeners.values(), ...this.released];
    this.listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }

  private allTargets() {
    const groups = [...this.groups.values(), ...this.retiredGroups];
    return groups.flatMap((group) => group.all().map((target) => ({ group, target })));
  }

  private updateGroups(): void {
    const instances = new Map(this.state.instances.map((instance) => [instance.id, instance]));
    const named = new Set(wantedListeners(this.state).flatMap(({ listener }) => groupsNamedBy(listener)));
    const world = {
      now: () => this.now(),
      address: (id: string) => this.addressOf(id),
      healthChanged: () => this.healthListeners.forEach((listener) => listener()),
      log: (line: string) => this.options.log(line),
    };
    for (const state of this.state.targetGroups) {
      const group = this.groups.get(state.arn) ?? new TargetGroup(state, world);
      this.groups.set(state.arn, group);
      group.update(state, instances, named.has(state.arn));
    }
    const kept = new Set(this.state.targetGroups.map((state) => state.arn));
    for (const [arn, group] of this.groups) {
      if (kept.has(arn)) continue;
      group.retire();
      this.groups.delete(arn);
      this.retiredGroups.add(group);
    }
    for (const group of this.retiredGroups) if (group.drained) this.retiredGroups.delete(group);
  }

  private updateRules(open: Listener, loadBalancer: LoadBalancerState, listener: ListenerState): void {
    open.rules = compileRules(listener, open.rules, (line) => this.options.log(line));
    open.useIdleTimeout(loadBalancer.idleTimeoutSeconds);
    open.cutOff(this.state.cuts.some((cut) => cut.traffic && cut.region === loadBalancer.region));
  }

  /** Opens and closes ports one call after another, each time for the newest state. */
  private async settle(): Promise<void> {
    this.queue = this.queue.then(() => this.openAndClose());
    await this.queue;
  }

  private async openAndClose(): Promise<void> {
    if (this.closed) return;
    const wanted = wantedListeners(this.state);
    this.releaseUnwanted(new Map(wanted.map((one) => [one.listener.arn, placeOf(one)])));
    for (const one of wanted) await this.ensureOpen(one.loadBalancer, one.listener);
    clearTimeout(this.retryTimer);
    if (this.problems.size > 0 && !this.closed) {
      this.retryTimer = setTimeout(() => void this.settle(), RETRY_OPEN_MS);
    }
  }

  private releaseUnwanted(places: Map<string, ListenerPlace>): void {
    for (const arn of this.problems.keys()) if (!places.has(arn)) this.problems.delete(arn);
    for (const [arn, open] of this.listeners) {
      const place = places.get(arn);
      const same =
        place?.address === open.place.address &&
        place.port === open.place.port &&
        place.protocol === open.place.protocol;
      if (same) continue;
      open.release();
      this.listeners.delete(arn);
      this.released.add(open);
    }
  }

  private async ensureOpen(loadBalancer: LoadBalancerState, listener: ListenerState): Promise<void> {
    const place = placeOf({ loadBalancer, listener });
    const known = this.listeners.get(listener.arn);
    const open = known ?? new Listener(listener.arn, loadBalancer.arn, place, this.handler);
    try {
      await this.updateCertificates(open, listener);
      if (known !== undefined) return;
      this.updateRules(open, loadBalancer, listener);
      await open.open();
      this.listeners.set(listener.arn, open);
      if (this.problems.delete(listener.arn)) {
        this.options.log(
          `load balancer ${loadBalancer.name}: now listening on ${place.address}:${place.port}`,
        );
      }
    } catch (error) {
      const message = `${loadBalancer.name} cannot listen on ${place.address}:${place.port}: ${messageOf(error)}`;
      if (this.problems.get(listener.arn) !== message) this.options.log(`load balancer ${message}`);
      this.problems.set(listener.arn, message);
    }
  }

  private async updateCertificates(open: Listener, listener: ListenerState): Promise<void> {
    if (listener.protocol !== 'HTTPS') return;
    const states = listener.certificateArns.map((arn) => {
      const known = this.state.certificates.find((certificate) => certificate.arn === arn);
      return known ?? { arn, domain: open.place.address, certificate: null, privateKey: null, chain: null };
    });
    const served = states.map((state) => this.certificates.served(state, open.place.address));
    open.useCertificates(await Promise.all(served));
  }
}

function wantedListeners(state: SandboxState) {
  return state.loadBalancers.flatMap((loadBalancer) =>
    loadBalancer.listeners.map((listener) => ({ loadBalancer, listener })),
  );
}

function placeOf(one: { loadBalancer: LoadBalancerState; listener: ListenerState }): ListenerPlace {
  return { address: one.loadBalancer.address, port: one.listener.port, protocol: one.listener.protocol };
}
