import { COLOURS, type Colour } from '../../src/domain/colour';
import {
  limitsOf,
  type FleetLimits,
  type FleetReading,
  type InstanceReading,
  type ScalingActivity,
} from '../../src/domain/fleet';
import { allTo, type Route, type Weights } from '../../src/domain/traffic';
import type { CommandCheck } from '../../src/domain/analysis/check';
import type { CommandMeasurement, Counts, Measurement } from '../../src/domain/analysis/measurement';
import type { Answer } from '../../src/domain/probe';
import type { TestCase, TestRun } from '../../src/domain/suite/result';
import type { BundleReading } from '../../src/domain/release-set';
import type {
  Bundles,
  CheckCommands,
  FleetTarget,
  Fleets,
  Image,
  Look,
  LocalCommand,
  LocalCommands,
  MachineCommand,
  MachineEnding,
  Machines,
  MetricCheck,
  Metrics,
  OpenConnections,
  RegionWorld,
  RouteChange,
  StackChanges,
  Stacks,
  TestGates,
  TestOrder,
  Traffic,
  World,
} from '../../src/ports';
import { BasculeError } from '../../src/domain/errors';
import { FakeClock } from './fake-clock';
import { wellMeasured } from './measured';
import { MemoryApprovals, MemoryRequests } from './memory';

export { FakeClock } from './fake-clock';

export type Behaviour = 'well' | 'crashes' | 'sick';

const CHANGES: StackChanges = { created: 0, updated: 1, replaced: 0, deleted: 0, unchanged: 1 };

interface FakeFleet {
  minimum: number;
  maximum: number;
  desired: number;
  suspended: string[];
  version: string;
  instances: InstanceReading[];
  activities: ScalingActivity[];
}

/** One region in memory, with everything that was done to it. */
export class FakeRegion implements Traffic, Fleets, Metrics {
  readonly fleets = new Map<Colour, FakeFleet>();
  routeList: Route[];
  writes: RouteChange[][] = [];
  behaviours = new Map<string, Behaviour>();
  requests: Record<Colour, number | null> = { blue: 0, green: 0 };
  /** What a check measures; everything is well until a test says otherwise. */
  measures: (check: MetricCheck, look: Look) => Measurement = wellMeasured;
  /** What each colour did over any stretch of time. */
  counts: Record<Colour, Counts | null> = {
    blue: { requests: 1000, failures: 0 },
    green: { requests: 1000, failures: 0 },
  };
  /** What an agent reports of open connections; a test that needs them gives it. */
  connections: OpenConnections | null = null;
  /** Called before each write; a test breaks things here. */
  beforeWrite: () => void = () => undefined;
  /** Called before the limits are read, and before they are changed past the stacks. */
  beforeLook: () => void = () => undefined;
  beforeAlter: () => void = () => undefined;
  private launched = 0;

  constructor(
    readonly name: string,
    ruleCount: number,
  ) {
    const route = (
      kind: Route['kind'],
      listener: Route['listener'],
      id: string,
      weights: Weights,
    ): Route => ({
      id,
      kind,
      listener,
      label: kind === 'default' ? 'default action' : `rule ${id}`,
      weights,
    });
    this.routeList = [
      route('default', 'production', 'production-default', allTo('blue')),
      ...Array.from({ length: ruleCount }, (_, index) =>
        route('rule', 'production', `rule-${index}`, allTo('blue')),
      ),
      route('default', 'test', 'test-default', allTo('green')),
    ];
  }

  /** Production rules that forward to neither colour, in words. */
  others: string[] = [];

  elsewhere(): Promise<string[]> {
    return Promise.resolve([...this.others]);
  }

  routes(): Promise<Route[]> {
    return Promise.resolve(this.routeList.map((route) => ({ ...route, weights: { ...route.weights } })));
  }

  write(changes: readonly RouteChange[]): Promise<void> {
    this.beforeWrite();
    this.writes.push([...changes]);
    for (const change of changes) this.setWeights(change.route.id, change.weights);
    return Promise.resolve();
  }

  setWeights(id: string, weights: Weights): void {
    this.routeList = this.routeList.map((route) => (route.id === id ? { ...route, weights } : route));
  }

  weightsOf(listener: Route['listener']): Weights[] {
    return this.routeList.filter((route) => route.listener === listener).map((route) => route.weights);
  }

  read(colour: Colour): Promise<FleetReading | undefined> {
    const fleet = this.fleets.get(colour);
    if (fleet === undefined) return Promise.resolve(undefined);
    return Promise.resolve({
      region: this.name,
      colour,
      autoScalingGroup: `shop-test-${colour}`,
      ...fleet,
      suspended: [...fleet.suspended].sort(),
      instances: [...fleet.instances],
    });
  }

  readonly groups = { blue: 'shop-test-blue', green: 'shop-test-green' };

  async limits(): Promise<Record<Colour, FleetLimits | undefined>> {
    this.beforeLook();
    const [blue, green] = await Promise.all([this.read('blue'), this.read('green')]);
    return { blue: limitsOf(blue) ?? undefined, green: limitsOf(green) ?? undefined };
  }

  suspend(colour: Colour, processes: readonly string[]): Promise<void> {
    return this.alter(colour, (fleet) => {
      fleet.suspended = [...new Set([...fleet.suspended, ...processes])];
    });
  }

  resume(colour: Colour, processes: readonly string[]): Promise<void> {
    return this.alter(colour, (fleet) => {
      fleet.suspended = fleet.suspended.filter((one) => !processes.includes(one));
    });
  }

  setMinimum(colour: Colour, minimum: number): Promise<void> {
    return this.alter(colour, (fleet) => {
      fleet.minimum = minimum;
    });
  }

  private alter(colour: Colour, change: (fleet: FakeFleet) => void): Promise<void> {
    this.beforeAlter();
    const fleet = this.fleets.get(colour);
    if (fleet === undefined) throw new Error(`no fleet ${colour}`);
    change(fleet);
    return Promise.resolve();
  }

  consoleTail(): Promise<string[]> {
    return Promise.resolve(['boot', 'Error: no database']);
  }

  requestsTo(colour: Colour) {
    return Promise.resolve({ requests: this.requests[colour] });
  }

  measure(checks: readonly MetricCheck[], look: Look): Promise<Measurement[]> {
    return Promise.resolve(checks.map((check) => this.measures(check, look)));
  }

  totals(colour: Colour): Promise<Counts | null> {
    return Promise.resolve(this.counts[colour]);
  }

  applyFleet(target: FleetTarget): void {
    const { minimum, maximum } = target.capacity;
    const former = this.fleets.get(target.colour);
    const desired = Math.min(Math.max(former?.desired ?? target.capacity.desired, minimum), maximum);
    const fleet: FakeFleet = {
      minimum,
      maximum,
      desired,
      suspended: former?.suspended ?? [],
      version: target.version,
      instances: former?.instances ?? [],
      activities: [],
    };
    fleet.instances = fleet.instances.slice(0, desired);
    while (fleet.instances.length < desired) fleet.instances.push(this.launch(target.version));
    this.fleets.set(target.colour, fleet);
  }

  private launch(version: string): InstanceReading {
    this.launched += 1;
    const behaviour = this.behaviours.get(version) ?? 'well';
    return {
      id: `i-${this.launched}`,
      version,
      lifecycle: 'InService',
      statusCheck: behaviour === 'crashes' ? 'impaired' : 'ok',
      target: behaviour === 'well' ? 'healthy' : 'unhealthy',
      targetReason: behaviour === 'well' ? '' : 'Target.FailedHealthChecks: Health checks failed',
    };
  }

  /** What Auto Scaling does by itself: more or fewer instances, and no other limits. */
  scale(colour: Colour, desired: number): void {
    const fleet = this.fleets.get(colour);
    if (fleet === undefined) throw new Error(`no fleet ${colour}`);
    fleet.desired = desired;
    fleet.instances = fleet.instances.slice(0, desired);
    while (fleet.instances.length < desired) fleet.instances.push(this.launch(fleet.version));
  }

  /** What a person does by hand to a fleet. */
  byHand(colour: Colour, change: Partial<Pick<FakeFleet, 'minimum' | 'maximum' | 'suspended'>>): void {
    const fleet = this.fleets.get(colour);
    if (fleet === undefined) throw new Error(`no fleet ${colour}`);
    Object.assign(fleet, change);
  }

  /** Makes all instances of a colour unhealthy. */
  sicken(colour: Colour): void {
    const fleet = this.fleets.get(colour);
    if (fleet === undefined) return;
    fleet.instances = fleet.instances.map((one) => ({
      ...one,
      target: 'unhealthy' as const,
      targetReason: 'Target.Timeout',
    }));
  }

  /** The release that production traffic reaches; undefined when it is shared or nobody serves. */
  answer(): Answer {
    const live = COLOURS.filter((colour) =>
      this.weightsOf('production').every((weights) => weights[colour] > 0),
    );
    const fleet = live[0] === undefined ? undefined : this.fleets.get(live[0]);
    const version = fleet?.instances.find((one) => one.target === 'healthy')?.version;
    if (version === undefined || version === null)
      return { kind: 'answered', status: 503, headers: {}, body: '' };
    return { kind: 'answered', status: 200, headers: { 'x-version': version }, body: version };
  }

  world(): RegionWorld {
    return {
      region: this.name,
      traffic: this,
      fleets: this,
      metrics: this,
      connections: this.connections,
      productionUrl: `http://${this.name}`,
      testUrl: `http://${this.name}:test`,
    };
  }
}

/** A port whose calls fail while its region is cut off. */
function cuttable<T extends object>(port: T, requireAnswer: () => void): T {
  return new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...given: unknown[]): Promise<unknown> => {
        requireAnswer();
        return (await Reflect.apply(member, target, given)) as unknown;
      };
    },
  });
}

/** A whole environment in memory. */
export class FakeWorld implements World {
  readonly clock = new FakeClock();
  readonly regions: Map<string, FakeRegion>;
  applied: FleetTarget[] = [];
  /** Called before each applied fleet; a test throws here. */
  beforeApply: (target: FleetTarget) => void = () => undefined;
  /** What people ask of deployments of this environment. */
  readonly requests = new MemoryRequests();
  /** What approvers said of them. */
  readonly approvals = new MemoryApprovals(this.clock);
  /** How a check command ends, given the facts on its stdin. */
  commandEnds: (check: CommandCheck, facts: unknown) => CommandMeasurement['ending'] = () => ({
    kind: 'exited',
    code: 0,
  });

  /** What a command on this machine does. */
  localEnds: (order: LocalCommand, signal: AbortSignal) => ReturnType<LocalCommands['run']> = () =>
    Promise.resolve({ ending: { kind: 'exited', code: 0 }, output: '' });
  /** What ran on this machine. */
  localRuns: LocalCommand[] = [];
  /** The ranges of database schemas that releases declare, by version. */
  readonly schemas = new Map<string, string>();
  /** How a command on an instance ends. */
  machineEnds: (order: MachineCommand, instanceId: string) => MachineEnding = () => ({
    kind: 'exited',
    code: 0,
  });
  /** What ran on instances: `<region> <instance> <name of the run>`. */
  machineRuns: string[] = [];

  constructor(names: readonly string[] = ['eu-west-3'], ruleCount = 3) {
    this.regions = new Map(names.map((name) => [name, new FakeRegion(name, ruleCount)]));
  }

  at(name = 'eu-west-3'): FakeRegion {
    const region = this.regions.get(name);
    if (region === undefined) throw new Error(`no region ${name}`);
    return region;
  }

  /** Regions that give no answer, neither to calls of their services nor to requests. */
  readonly cut = new Set<string>();

  region(name: string): RegionWorld {
    const world = this.at(name).world();
    const behind = <T extends object>(port: T): T => cuttable(port, () => this.requireAnswer(name));
    return {
      ...world,
      traffic: behind(world.traffic),
      fleets: behind(world.fleets),
      metrics: behind(world.metrics),
    };
  }

  private requireAnswer(name: string, code = 'BASCULE_AWS_UNREACHABLE'): void {
    if (!this.cut.has(name)) return;
    throw new BasculeError({
      code,
      message: `${name} gave no answer.`,
      next: 'Wait until it is back.',
      blame: 'world',
    });
  }

  /** A fleet that is up and well. */
  runs(colour: Colour, version: string, desired = 2, region = 'eu-west-3'): void {
    const capacity = { minimum: desired, maximum: 4, desired };
    this.at(region).applyFleet({ region, colour, version, capacity });
  }

  readonly stacks: Stacks = {
    upService: () => Promise.resolve(CHANGES),
    outputs: () => Promise.resolve(undefined),
    applyFleet: (target) => {
      this.beforeApply(target);
      // The engine cannot tell silence from a refusal.
      this.requireAnswer(target.region, 'BASCULE_STACK_FAILED');
      this.applied.push(target);
      this.at(target.region).applyFleet(target);
      return Promise.resolve(CHANGES);
    },
    destroyFleet: () => Promise.resolve(CHANGES),
    destroyService: () => Promise.resolve(CHANGES),
  };

  readonly commands: CheckCommands = {
    run: (check, facts) => Promise.resolve({ ending: this.commandEnds(check, facts), output: '' }),
  };

  readonly localCommands: LocalCommands = {
    run: (order, signal) => {
      this.localRuns.push(order);
      return this.localEnds(order, signal);
    },
  };

  /** How a test that is a gate ends. */
  testEnds: (order: TestOrder, signal: AbortSignal) => TestRun | Promise<TestRun> = ({ name }) => ({
    cases: [{ name, seconds: 0.1, outcome: 'passed', problems: [] }],
    seconds: 0.1,
    problems: [],
    output: '',
  });
  /** Tests that ran. */
  testRuns: TestOrder[] = [];
  /** What was kept of them, by the step's id. */
  readonly testResults = new Map<string, TestCase[]>();
  /** Variables that suites need and that are not there. */
  testLacks: string[] = [];

  readonly tests: TestGates = {
    lacking: () => this.testLacks,
    run: (order, signal) => {
      this.testRuns.push(order);
      return Promise.resolve(this.testEnds(order, signal));
    },
    junit: (run) => Promise.resolve(JSON.stringify(run.cases)),
    keep: (run, _place, { deployment, step }) => {
      this.testResults.set(step, run.cases);
      return Promise.resolve(`environments/test/tests/${deployment}/${step}.xml`);
    },
    kept: ({ step }) => Promise.resolve(this.testResults.get(step)),
  };

  readonly machines: Machines = {
    run: (region, instanceId, order) => {
      this.machineRuns.push(`${region} ${instanceId} ${order.name}`);
      return Promise.resolve({ ending: this.machineEnds(order, instanceId), output: '' });
    },
  };

  private tagsOf(version: string): Record<string, string> {
    const schema = this.schemas.get(version);
    return schema === undefined ? {} : { 'bascule:schema': schema };
  }

  readonly images = {
    find: async (region: string, _service: string, version: string): Promise<Image | undefined> => {
      await Promise.resolve();
      this.requireAnswer(region);
      if (version === 'missing') return undefined;
      return { id: 'ami-1', region, version, state: 'available', tags: this.tagsOf(version), createdAt: '' };
    },
  };

  /** What S3 says of bundles, by address; one that a test does not name is missing. */
  readonly bundleReadings = new Map<string, BundleReading>();
  readonly bundles: Bundles = {
    look: (_region, address) => Promise.resolve(this.bundleReadings.get(address) ?? { kind: 'missing' }),
  };

  readonly prober = {
    request: (baseUrl: string) => {
      const region = [...this.regions.values()].find((one) => baseUrl.startsWith(`http://${one.name}`));
      const gone = region === undefined || this.cut.has(region.name);
      const answer: Answer = gone ? { kind: 'no-answer', reason: 'no such host' } : region.answer();
      return Promise.resolve({ ...answer, milliseconds: 1 });
    },
  };
}
