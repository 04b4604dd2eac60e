import type { InstanceState, TargetGroupState, TargetState, TargetTruth } from '../contract';
import { subjectOf, targetStickiness, type TargetStickiness } from './stickiness';
import { Target, type TargetContext } from './target';
import type { TargetAddress } from './types';

/** What target groups need of the data plane. */
export interface TargetGroupWorld {
  now(): number;
  address(instanceId: string): TargetAddress | undefined;
  healthChanged(): void;
  log(line: string): void;
}

/** One target group: its targets, and the choice among them. */
export class TargetGroup {
  readonly arn: string;
  /** What the cookie AWSALBTG calls this group. */
  readonly subject: string;
  stickiness: TargetStickiness = { kind: 'off' };
  private targets = new Map<string, Target>();
  /** Registrations that the control plane no longer holds, but whose requests are still under way. */
  private readonly retired = new Set<Target>();
  private turn = 0;
  /** The candidates for the next request; undefined after anything that may change them. */
  private ready: Target[] | undefined;

  constructor(
    private state: TargetGroupState,
    private readonly world: TargetGroupWorld,
  ) {
    this.arn = state.arn;
    this.subject = subjectOf(state.arn);
  }

  /** @param inUse whether any listener's rule names this group; only then are its targets checked */
  update(state: TargetGroupState, instances: Map<string, InstanceState>, inUse: boolean): void {
    this.state = state;
    this.stickiness = targetStickiness(state.attributes);
    const former = this.targets;
    this.targets = new Map();
    for (const target of state.targets) this.register(target, former.get(target.id), instances, inUse);
    for (const [id, target] of former) {
      if (this.targets.get(id) !== target) this.letGo(target);
    }
    this.ready = undefined;
  }

  /** The health of every target the control plane holds. */
  truths(): Record<string, TargetTruth> {
    return Object.fromEntries([...this.targets.values()].map((target) => [target.id, target.truth]));
  }

  /** The target the subject of a sticky cookie stands for, as long as it may get requests. */
  stuckTarget(subject: string): Target | undefined {
    return this.candidates().find((target) => target.subject === subject);
  }

  /** The target the next request goes to; undefined when none is registered. */
  choose(): Target | undefined {
    const candidates = this.candidates();
    if (candidates.length === 0) return undefined;
    this.turn = (this.turn + 1) % candidates.length;
    const next = candidates[this.turn];
    if (this.state.attributes['load_balancing.algorithm.type'] !== 'least_outstanding_requests') return next;
    // Beginning with the one whose turn it is, so that equally busy targets still take turns.
    const inTurn = [...candidates.slice(this.turn), ...candidates.slice(0, this.turn)];
    return inTurn.reduce((least, target) => (target.underway.size < least.underway.size ? target : least));
  }

  /** All registrations, also those that are draining. */
  all(): Target[] {
    return [...this.targets.values(), ...this.retired];
  }

  /** The group is gone from the control plane; what is under way drains. */
  retire(): void {
    for (const target of this.targets.values()) this.letGo(target);
    this.targets = new Map();
    this.ready = undefined;
  }

  get drained(): boolean {
    return this.targets.size === 0 && this.retired.size === 0;
  }

  close(): void {
    for (const target of this.all()) target.close();
    this.targets = new Map();
    this.retired.clear();
  }

  /**
   * As on AWS: the healthy ones; when there is none, all that are registered, whatever their health (fail
   * open). Draining targets and stopped instances never get a request.
   */
  private candidates(): Target[] {
    if (this.ready === undefined) {
      const routable = [...this.targets.values()].filter((target) => target.routable);
      const healthy = routable.filter((target) => target.healthy);
      this.ready = healthy.length > 0 ? healthy : routable;
    }
    return this.ready;
  }

  private register(
    state: TargetState,
    former: Target | undefined,
    instances: Map<string, InstanceState>,
    inUse: boolean,
  ): void {
    // Registered again while it drained: a new registration, which starts with initial health.
    const again = former !== undefined && former.draining && state.deregisteredAt === null;
    const target = former === undefined || again ? new Target(state.id, this.context()) : former;
    const wasDraining = target.draining;
    target.update(state, instances.get(state.id), inUse);
    this.targets.set(state.id, target);
    if (state.deregisteredAt !== null && !wasDraining) this.drain(target, state.deregisteredAt);
  }

  /** A registration that ended without a word is drained from now on; one that drains keeps its time. */
  private letGo(target: Target): void {
    if (target.underway.size === 0) return target.close();
    this.retired.add(target);
    if (!target.draining) this.drain(target, this.world.now());
  }

  private drain(target: Target, since: number): void {
    const seconds = Number(this.state.attributes['deregistration_delay.timeout_seconds'] ?? 300);
    target.retire(since + seconds * 1000, this.world.now(), (cut) => {
      this.retired.delete(target);
      if (cut === 0) return;
      this.world.log(
        `load balancer: ${cut} connection(s) to ${target.id} in ${this.state.name} were cut off, ` +
          `for its deregistration delay of ${seconds} s is over`,
      );
    });
  }

  private context(): TargetContext {
    return {
      group: () => this.state,
      address: (id) => this.world.address(id),
      healthChanged: () => {
        this.ready = undefined;
        this.world.healthChanged();
      },
    };
  }
}
