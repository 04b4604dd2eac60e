/** An environment in memory where 1.0.0 is live on blue, and what must never happen to it. */
import { deploy } from '../../automation/operations/deploy';
import { openDeployment } from '../../automation/operations/deployments';
import type { Session } from '../../automation/operations/session';
import { COLOURS, type Colour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import { HELD_PROCESSES } from '../../src/domain/held';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { JournalRecord } from '../../src/domain/records';
import type { MigrationHook } from '../../src/domain/step';
import type { WavePolicy } from '../../src/domain/waves';
import { sameWeights, type Weights } from '../../src/domain/traffic';
import type { FleetTarget, LocalCommand, RouteChange } from '../../src/ports';
import { FakeWorld, type FakeRegion } from './fake-world';
import { MemoryJournal, MemoryLeases } from './memory';
import { Fate, Process, type Event, type Mischief, type Witness } from './mischief';
import { sessionOf } from './session';

/** No deployment writes such weights, so that what a person set by hand is told from what Bascule did. */
export const BY_HAND: Weights = { blue: 37, green: 63 };
/** Nor suspends this. */
const SUSPENDED_BY_HAND = 'Terminate';

export interface Beginning {
  regions: string[];
  /** What is suspended of the live fleet from the beginning. */
  suspended: string[];
  mischief: Mischief[];
  /** Weights on the way to the cutover; none where all moves at once. */
  stages?: number[];
  /** How several regions follow one another; one by one where absent. */
  waves?: WavePolicy;
  /** Commands that change the database: whether they may be repeated; none where absent. */
  migrations?: { repeatable: boolean };
}

export class Watched implements Witness {
  readonly world: FakeWorld;
  readonly journal = new MemoryJournal();
  readonly leases: MemoryLeases;
  readonly fate: Fate;
  readonly violations: string[] = [];
  /** Whether a person changed a fleet past Bascule. */
  fleetsByHand = false;
  /** Whether a person said that what was changed by hand is right. */
  accepted = false;
  /** Whether the command that contracts the database was begun. */
  contracted = false;
  /** Regions where blue was seen to get no more requests since it lost its weight. */
  private readonly ended = new Set<FakeRegion>();
  private readonly undoByHand: (() => void)[] = [];
  private owner: Process | undefined;

  constructor(readonly beginning: Beginning) {
    this.world = new FakeWorld(beginning.regions, 2);
    this.leases = new MemoryLeases(this.world.clock);
    this.fate = new Fate(beginning.mischief, (event) => this.happen(event));
    for (const name of beginning.regions) {
      this.world.runs('blue', '1.0.0', 2, name);
      const region = this.world.at(name);
      for (const fleet of region.fleets.values()) fleet.suspended = [...beginning.suspended];
      const write = region.write.bind(region);
      region.write = (changes) => {
        this.beforeWrite(region, changes);
        return write(changes).then(() => this.afterWrite(region));
      };
      const requestsTo = region.requestsTo.bind(region);
      region.requestsTo = async (colour) => {
        const seen = await requestsTo(colour);
        if (colour === 'blue' && seen.requests === 0) this.ended.add(region);
        return seen;
      };
    }
    this.world.beforeApply = (target) => this.beforeApply(target);
    this.world.localEnds = (order) => {
      this.beforeMigration(order);
      return Promise.resolve({ ending: { kind: 'exited', code: 0 }, output: '' });
    };
  }

  get regions(): FakeRegion[] {
    return [...this.world.regions.values()];
  }

  plain(): Session {
    return sessionOf(this.world, this.journal, this.leases, {
      soakSeconds: 10,
      strategy: {
        kind: 'canary',
        steps: (this.beginning.stages ?? []).map((percent) => ({ percent, pauseSeconds: 5, byHand: false })),
      },
      growth: { kind: 'proportional', minimum: 1 },
      retire: { when: 'after', afterSeconds: 5 },
      ...this.migrate(),
      ...(this.beginning.waves && { waves: this.beginning.waves }),
    });
  }

  private migrate(): Pick<DeploymentPolicy, 'migrate'> {
    if (this.beginning.migrations === undefined) return {};
    const { repeatable } = this.beginning.migrations;
    const hook: MigrationHook = { command: ['migrate'], on: 'local', timeoutSeconds: 60, repeatable };
    return { migrate: { expand: hook, contract: hook } };
  }

  /** The session of a process of its own, to which mischief may happen. */
  process(): Session {
    const stop = new AbortController();
    const session = { ...this.plain(), stop: stop.signal };
    return new Process(this.fate, this, () => stop.abort()).session(session, this.world);
  }

  async records(): Promise<JournalRecord[][]> {
    return Promise.all((await this.journal.list()).map((id) => this.journal.read(id)));
  }

  tookOver(process: Process): void {
    this.owner = process;
  }

  wrote(process: Process, call: string): void {
    if (process !== this.owner) this.violations.push(`5: ${call} by a process that had been displaced`);
  }

  /** No more mischief from here on, and every region answers. */
  relent(): void {
    this.fate.relent();
    this.world.cut.clear();
  }

  /** The sick get well, and the last requests of the former colour end. */
  heal(): void {
    for (const region of this.regions) {
      for (const colour of COLOURS) heal(region, colour);
      region.requests = { blue: 0, green: 0 };
    }
  }

  /** A person takes back what was changed by hand. */
  giveBackByHand(): void {
    for (const undo of this.undoByHand.splice(0).reverse()) undo();
    this.fleetsByHand = false;
  }

  private async happen(event: Event): Promise<void> {
    switch (event.kind) {
      case 'falls-sick':
        return this.regions.forEach((region) => region.sicken(event.colour));
      case 'gets-well':
        return this.regions.forEach((region) => heal(region, event.colour));
      case 'moved-by-hand':
        return this.moveByHand();
      case 'fleet-by-hand':
        return this.changeByHand(event.colour, event.what);
      case 'requests':
        return this.regions.forEach((region) => (region.requests[event.colour] = event.seen));
      case 'rival':
        return this.tryRival();
      case 'cut-off':
        return this.cutOff(event.region);
      case 'comes-back':
        return this.world.cut.clear();
    }
  }

  private cutOff(index: number): void {
    const region = this.regions[index % this.regions.length];
    if (region !== undefined) this.world.cut.add(region.name);
  }

  private moveByHand(): void {
    const region = this.regions[0];
    const route = region?.routeList.find(({ id }) => id === 'rule-0');
    if (region === undefined || route === undefined || sameWeights(route.weights, BY_HAND)) return;
    this.undoByHand.push(() => region.setWeights(route.id, route.weights));
    region.setWeights(route.id, BY_HAND);
  }

  private changeByHand(colour: Colour, what: 'minimum' | 'suspended'): void {
    const fleet = this.regions[0]?.fleets.get(colour);
    if (fleet === undefined) return;
    this.fleetsByHand = true;
    const former = fleet.minimum;
    const raised = former + 7;
    if (what === 'minimum') fleet.minimum = raised;
    else fleet.suspended = [...fleet.suspended, SUSPENDED_BY_HAND];
    this.undoByHand.push(() => {
      const now = this.regions[0]?.fleets.get(colour);
      if (now === undefined) return;
      if (what === 'suspended') now.suspended = now.suspended.filter((one) => one !== SUSPENDED_BY_HAND);
      else if (now.minimum === raised) now.minimum = former;
    });
  }

  /** A second deployment is refused, whatever the first one is doing. */
  private async tryRival(): Promise<void> {
    const before = (await this.journal.list()).length;
    // One that comes when the first has ended, while a process of it stands still, is an ordinary deployment.
    if (before > 0 && (await openDeployment(this.plain())) === undefined) return;
    const thrown: unknown = await deploy(this.plain(), { version: '3.0.0', force: false }).catch(
      (error: unknown) => error,
    );
    if (before === 0) return;
    const codes = ['BASCULE_HELD', 'BASCULE_INTERRUPTED'];
    if (!(thrown instanceof BasculeError) || !codes.includes(thrown.code))
      this.violations.push(`5: a second deployment was not refused: ${JSON.stringify(thrown)}`);
  }

  private beforeMigration({ environment }: LocalCommand): void {
    const phase = environment['BASCULE_MIGRATE_PHASE'] ?? '';
    const gains = this.regions.flatMap((region) => region.weightsOf('production'));
    if (
      phase === 'expand' &&
      !this.accepted &&
      gains.some((now) => now.green > 0 && !sameWeights(now, BY_HAND))
    )
      this.violations.push('the database was expanded after traffic had moved');
    if (phase !== 'contract') return;
    this.contracted = true;
    if (!this.accepted && gains.some((now) => now.blue > 0 && !sameWeights(now, BY_HAND)))
      this.violations.push('the database was contracted under a release that may need what it took away');
  }

  private beforeWrite(region: FakeRegion, changes: readonly RouteChange[]): void {
    const production = changes.filter(({ route }) => route.listener === 'production');
    for (const { route, weights } of production) {
      const now = region.routeList.find((one) => one.id === route.id)?.weights;
      const gaining = COLOURS.find((colour) => weights[colour] > (now?.[colour] ?? 0));
      const fleet = gaining === undefined ? undefined : region.fleets.get(gaining);
      if (fleet?.instances.some((one) => one.target === 'healthy' && one.statusCheck === 'ok') !== true)
        this.violations.push(`1: ${route.id} was given to ${gaining ?? 'nobody'}, which has nobody healthy`);
      if (this.contracted && weights.blue > 0)
        this.violations.push(`${route.id} was given to blue past the contract`);
      if (!this.accepted && now !== undefined && sameWeights(now, BY_HAND))
        this.violations.push(`3: ${route.id} was written over what somebody set by hand`);
    }
    if (production.some(({ weights }) => weights.green > 0)) this.checkHeld(region);
  }

  /** While traffic goes over nothing may change the fleets by itself, and the former one may not shrink. */
  private checkHeld(region: FakeRegion): void {
    for (const colour of COLOURS) {
      const fleet = region.fleets.get(colour);
      if (fleet === undefined) continue;
      if (HELD_PROCESSES.some((process) => !fleet.suspended.includes(process)))
        this.violations.push(`traffic moved while ${colour} was not held`);
      if (fleet.minimum < fleet.desired)
        this.violations.push(`traffic moved while the minimum of ${colour} was not pinned`);
    }
  }

  private afterWrite(region: FakeRegion): void {
    if (region.weightsOf('production').some(({ blue }) => blue > 0)) this.ended.delete(region);
    for (const weights of region.weightsOf('production'))
      if (weights.blue + weights.green === 0) this.violations.push('1: a route has no weight at all');
  }

  private beforeApply(target: FleetTarget): void {
    const region = this.world.at(target.region);
    const fleet = region.fleets.get(target.colour);
    if (fleet === undefined) return;
    const weighed = region.weightsOf('production').some((weights) => weights[target.colour] > 0);
    if (weighed && target.version !== fleet.version)
      this.violations.push(`2: the live fleet ${target.colour} was given ${target.version}`);
    if (weighed && target.capacity.maximum < fleet.desired)
      this.violations.push(`2: the live fleet ${target.colour} was scaled down`);
    const former = target.colour === 'blue' && target.capacity.maximum === 0;
    if (former && !this.ended.has(region))
      this.violations.push('2: blue was let go before its requests were seen to end');
  }
}

function heal(region: FakeRegion, colour: Colour): void {
  const fleet = region.fleets.get(colour);
  if (fleet === undefined) return;
  fleet.instances = fleet.instances.map((one) => ({
    ...one,
    statusCheck: 'ok' as const,
    target: 'healthy' as const,
    targetReason: '',
  }));
}
