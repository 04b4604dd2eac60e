import type { Approval, FoundApproval, Requester } from './domain/approval';
import type { Check, CommandCheck } from './domain/analysis/check';
import type { CommandMeasurement, Counts, Measurement, Window } from './domain/analysis/measurement';
import type { BakeEvent } from './domain/bake-progress';
import type { BakeConfig } from './domain/config';
import type { Notification, NotificationEvent } from './domain/notifications';
import type { Request } from './domain/request';
import type { Commit } from './domain/change-set';
import type { Colour } from './domain/colour';
import type { PostedComment } from './domain/comment';
import type { EnvironmentEvent, EnvironmentEventBody } from './domain/environment-log';
import type { FleetLimits, FleetReading } from './domain/fleet';
import type { LeaseState, Sight } from './domain/lease';
import type { MachineCommand, MachineEnding } from './domain/machine-run';
import type { Message } from './domain/message';
import type { PreflightReading } from './domain/preflight';
import type { StackPreview } from './domain/preview/preview';
import type { ProbeAnswer } from './domain/probe';
import type { BundleMove } from './domain/promotion-images';
import type { JournalRecord, Holder } from './domain/records';
import type { LeftSnapshot, ReleaseImage, Used } from './domain/release-images';
import type { BundleReading } from './domain/release-set';
import type { Capacity, SmokeRequest } from './domain/step';
import type { PlannedTest, TestPlace, TestWork } from './domain/suite/gate';
import type { TestCase, TestRun } from './domain/suite/result';
import type { Route, Weights } from './domain/traffic';

/** What the driver needs of the world. Adapters implement these over AWS and Pulumi; unit tests over memory. */

export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Waits; resolves early, without an error, when the signal is aborted. */
  wait(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** What the service stack of an environment gave one region. */
export interface RegionOutputs {
  loadBalancerArn: string;
  loadBalancerDns: string;
  /** Where production requests go, without a trailing slash. */
  loadBalancerUrl: string;
  /** Where requests for the idle colour go. */
  testUrl: string;
  productionListenerArn: string;
  testListenerArn: string;
  targetGroups: Record<Colour, string>;
  /** Where and as what instances are launched. */
  instanceSubnetIds: string[];
  instanceSecurityGroupId: string;
  instanceProfileName: string;
}

export interface ServiceOutputs {
  environment: string;
  service: string;
  regions: Record<string, RegionOutputs>;
}

export interface FleetTarget {
  region: string;
  colour: Colour;
  version: string;
  capacity: Capacity;
}

/** How many resources an update touched. */
export interface StackChanges {
  created: number;
  updated: number;
  replaced: number;
  deleted: number;
  unchanged: number;
}

/** Pulumi's stacks of one environment. */
export interface Stacks {
  /** Applies the service stack. */
  upService(): Promise<StackChanges>;
  /** What the service stack gave; undefined when it was never applied. */
  outputs(): Promise<ServiceOutputs | undefined>;
  /** Applies one fleet's stack; never waits for its instances. */
  applyFleet(target: FleetTarget): Promise<StackChanges>;
  /** Removes one fleet's stack and its resources. */
  destroyFleet(region: string, colour: Colour): Promise<StackChanges>;
  destroyService(): Promise<StackChanges>;
}

/** What the engine would do to the stacks of one environment; nothing is written, no stack is made. */
export interface StackPreviews {
  /** What the service stack gave when it was last applied; undefined when it never was. Only reads. */
  outputs(): Promise<ServiceOutputs | undefined>;
  /**
   * The service stack, with the configuration as it stands in its file; all of it is new where none was applied.
   * `begun` is called once the engine is at work.
   */
  service(begun?: () => void): Promise<StackPreview>;
  /**
   * One fleet's stack, as a deployment would apply it; all of it is new where none was applied.
   * @throws BasculeError where it cannot be said, for example while the service stack was never applied.
   */
  fleet(target: FleetTarget): Promise<StackPreview>;
}

export interface RouteChange {
  route: Route;
  weights: Weights;
}

/** The listeners of one region. All methods throw on a read that is not complete: no answer is no answer. */
export interface Traffic {
  /** Every default action and rule, all pages, of the production and test listeners that forwards to a colour. */
  routes(): Promise<Route[]>;
  /**
   * What the last `routes()` saw of production rules that forward to neither colour, such as a page for
   * maintenance: each with its conditions and what it does.
   */
  elsewhere(): Promise<string[]>;
  /**
   * Writes weights; keeps everything else of each action list (authentication, stickiness, other groups).
   * Writes are sent side by side within the API's rate. Safe to repeat.
   */
  write(changes: readonly RouteChange[]): Promise<void>;
}

/** The Auto Scaling groups of one region. */
export interface Fleets {
  /** One measurement; undefined when the group does not exist. */
  read(colour: Colour): Promise<FleetReading | undefined>;
  /** The names of the groups, for what a person may have to type. */
  readonly groups: Record<Colour, string>;
  /** The limits of both fleets in one call, for looks that come often; a colour without a group is undefined. */
  limits(): Promise<Record<Colour, FleetLimits | undefined>>;
  /**
   * Suspends Auto Scaling processes. Scheduled actions that fall due meanwhile are skipped by AWS and are not
   * made up for. Safe to repeat.
   */
  suspend(colour: Colour, processes: readonly string[]): Promise<void>;
  /** Resumes Auto Scaling processes. Safe to repeat. */
  resume(colour: Colour, processes: readonly string[]): Promise<void>;
  /** Sets the minimum alone. Safe to repeat. */
  setMinimum(colour: Colour, minimum: number): Promise<void>;
  /** The last lines of what an instance printed to its console; empty when there are none. */
  consoleTail(instanceId: string, lines: number): Promise<string[]>;
}

export interface TrafficSeen {
  /** Requests that the load balancer sent to the colour within the window; null when metrics are missing. */
  requests: number | null;
}

/** What a look of an analysis is about. */
export interface Look {
  /** The colour that gains, and the other. */
  colour: Colour;
  former: Colour;
  /** When the analysis began; Unix milliseconds. */
  from: number;
  /** When it looks. */
  to: number;
  /** When the former colour still had traffic, to compare with what it did then; null while it has. */
  before: Window | null;
}

/** A check that is measured by CloudWatch. */
export type MetricCheck = Exclude<Check, CommandCheck>;

/** CloudWatch of one region. */
export interface Metrics {
  /**
   * Measures several checks at one look, in one GetMetricData where there is any metric: for each check in
   * order. A window ends where the metrics reach, not where the look was asked for. Never throws for AWS's
   * silence or refusal: that is a measurement of kind `none`.
   */
  measure(checks: readonly MetricCheck[], look: Look): Promise<Measurement[]>;
  /** Requests and failures (target 5xx and connection errors) of a colour; null where metrics are missing. */
  totals(colour: Colour, from: number, to: number): Promise<Counts | null>;
  /**
   * Requests within a window as long as this one. Metrics arrive late, so it may have ended earlier; it never
   * began before `notBefore`. All in Unix milliseconds.
   */
  requestsTo(colour: Colour, from: number, to: number, notBefore: number): Promise<TrafficSeen>;
}

/** Connections that the instances of one region's fleets have open, as an agent on them reports. */
export interface OpenConnections {
  /** Seconds between two reports. */
  readonly periodSeconds: number;
  /** The metric's name, for messages. */
  readonly source: string;
  /** The mean of an instance in the last whole period within the time; null where nothing was reported. */
  last(colour: Colour, from: number, to: number): Promise<{ perInstance: number; at: number } | null>;
}

/** What is asked of AWS before a deployment starts. */
export interface PreflightQuestion {
  region: string;
  colour: Colour;
  version: string;
  imageId: string;
  /** Names of CloudWatch alarms. */
  alarms: string[];
  /** Asks nothing that needs the right to change something, such as whether a launch would be allowed. */
  readOnly?: true;
}

/** Asks AWS what it would let a new fleet have. No missing answer throws: it is part of the reading. */
export interface Preflight {
  read(question: PreflightQuestion): Promise<PreflightReading>;
}

export interface Image {
  id: string;
  region: string;
  version: string;
  state: string;
  tags: Record<string, string>;
  createdAt: string;
}

export interface Images {
  /** The release's image in one region, the newest when there are several; undefined when there is none. */
  find(
    region: string,
    service: string,
    version: string,
    owners: readonly string[],
  ): Promise<Image | undefined>;
}

/** The bundles of releases, which instances get at their first boot. */
export interface Bundles {
  /** What S3 says of the one at an `s3://` address, asked through a region; a refusal to say is an answer. */
  look(region: string, address: string): Promise<BundleReading>;
}

/** How a release gets from one environment's account to another's. Both may be the same account. */
export interface Handover {
  /** Account numbers, by STS. */
  accounts(): Promise<{ source: string; target: string }>;
  /** The release's image in the former environment's account, the newest usable one where there are several. */
  source(region: string, version: string): Promise<Image | undefined>;
  /** … and in the next one's. */
  target(region: string, version: string): Promise<Image | undefined>;
  /**
   * A copy in the next environment's account, available and with these tags; lets that account copy first, where it
   * is another one. Safe to repeat: a copy that was begun before is found.
   */
  copy(source: Image, region: string, tags: Readonly<Record<string, string>>): Promise<string>;
  /** Lets the next environment's account launch the very image, which has these tags there. Safe to repeat. */
  share(source: Image, tags: Readonly<Record<string, string>>): Promise<string>;
  /** Waits until an image of the next environment's account can be launched from. */
  available(image: Pick<Image, 'region' | 'id'>): Promise<void>;
  /** Copies a bundle and compares its sum; what is there and whole stays. */
  moveBundle(move: BundleMove): Promise<void>;
}

/** All images of a service's releases in this account. */
export interface ReleaseImages {
  list(region: string): Promise<ReleaseImage[]>;
  /** What instances run, and groups would launch, in a region, whoever they belong to. */
  uses(region: string, ids: readonly string[]): Promise<Used[]>;
  /** Accounts that may launch it too, whose use of it is not seen from here. */
  sharedWith(image: ReleaseImage): Promise<string[]>;
  /** Deregisters an image and deletes its snapshots, but for those that another image has too. Safe to repeat. */
  remove(image: ReleaseImage): Promise<void>;
  /** Snapshots of images that are gone: what a removal left that ended in its midst. */
  left(region: string): Promise<LeftSnapshot[]>;
  removeLeft(snapshot: LeftSnapshot): Promise<void>;
}

export type { ProbeAnswer };

/** Sends one HTTP request over a connection of its own; a missing answer is a result, not an exception. */
export interface Prober {
  request(baseUrl: string, request: Omit<SmokeRequest, 'status' | 'bodyContains'>): Promise<ProbeAnswer>;
}

/** The append-only records of deployments. */
export interface Journal {
  /** Adds one record; 'conflict' when another process wrote this sequence number. */
  append(record: JournalRecord): Promise<'appended' | 'conflict'>;
  /** All records of a deployment in order; without a last one that was cut off while it was written. */
  read(deployment: string): Promise<JournalRecord[]>;
  /** As read, and the number of a last record that was cut off: its append never completed. */
  inspect(deployment: string): Promise<{ records: JournalRecord[]; torn: number | null }>;
  /** The last record, where it is whole; cheap where the others do not matter. */
  newest(deployment: string): Promise<JournalRecord | undefined>;
  /** The whole records from this number on, in order; cheap where there are none yet, for who follows along. */
  after(deployment: string, from: number): Promise<JournalRecord[]>;
  /** Ids of the environment's deployments, oldest first. */
  list(): Promise<string[]>;
}

export type { LeaseState };

export type LeaseAnswer = { kind: 'held'; lease: HeldLease } | { kind: 'refused'; by: LeaseState };

export interface HeldLease {
  readonly fence: number;
  /** How long it lasts without being renewed. */
  readonly lifetime: number;
  /** Moves the expiry; 'lost' when another process took the lease. */
  renew(): Promise<'renewed' | 'lost'>;
  /** Reads it: whether it is this process's still; an expired lease that nobody took is. */
  check(): Promise<'held' | 'lost'>;
  release(): Promise<void>;
}

/** At most one process works on an environment. */
export interface Leases {
  acquire(deployment: string, holder: Holder): Promise<LeaseAnswer>;
  /** Takes it from its holder, with a higher fence; refused when it is not as it was seen any more. */
  takeOver(seen: LeaseState, deployment: string, holder: Holder): Promise<LeaseAnswer>;
  /** Who holds it, or held it last; undefined when nobody ever did. */
  read(): Promise<LeaseState | undefined>;
}

export type { Sight };

/** The append-only record of what happened to an environment beside its deployments. */
export interface EnvironmentLog {
  append(event: EnvironmentEventBody): Promise<EnvironmentEvent>;
  /** All events, oldest first. */
  read(): Promise<EnvironmentEvent[]>;
}

/** What people ask of running deployments; append-only, in the environment's bucket. */
export interface Requests {
  append(request: Omit<Request, 'sequence'>): Promise<Request>;
  /** All requests of a deployment from this sequence number on, in order. */
  read(deployment: string, from: number): Promise<Request[]>;
}

/** What approvers said of deployments, in the environment's bucket: of each identity one object, which it alone may write. */
export interface Approvals {
  /** What there is of one approval of a deployment, without the writings that are known already. */
  read(deployment: string, name: string, known: ReadonlySet<string>): Promise<FoundApproval[]>;
  /** Which writing there is of the own one; null where there is none. */
  own(deployment: string, name: string, userId: string): Promise<string | null>;
  /**
   * Writes the own one, anew or over the writing that was read.
   * @throws BasculeError BASCULE_NOT_APPROVER (exit code 2) where the store lets these credentials write none.
   */
  write(
    deployment: string,
    name: string,
    approval: Approval,
    over: string | null,
  ): Promise<'written' | 'changed'>;
}

/** Whose credentials this process works with. */
export interface Identity {
  current(): Promise<Requester>;
}

/** Runs check commands of the user's on this machine. */
export interface CheckCommands {
  /** Gives the facts as JSON on stdin. The command and its children are ended at its time-out or by the signal. */
  run(
    check: CommandCheck,
    facts: unknown,
    signal: AbortSignal,
  ): Promise<Omit<CommandMeasurement, 'kind' | 'window'>>;
}

export interface TestOrder extends TestPlace {
  work: TestWork;
  timeoutSeconds: number;
}

/** Which test of which deployment results belong to. */
export interface TestedStep {
  deployment: string;
  /** The id of the step. */
  step: string;
}

/** Runs the tests that are gates, and keeps what they came to. */
export interface TestGates {
  /** Variables of the environment that the tests' suites need and that are not there. */
  lacking(tests: readonly Pick<PlannedTest, 'work'>[]): string[];
  /** Runs one to its end. It is ended, with all it started, at its time-out or by the signal. */
  run(order: TestOrder, signal: AbortSignal): Promise<TestRun>;
  /** Its results as JUnit XML. */
  junit(run: TestRun, place: TestPlace): Promise<string>;
  /** Keeps results as JUnit XML in the environment's bucket, in the place of former ones; their key. */
  keep(run: TestRun, place: TestPlace, of: TestedStep): Promise<string>;
  /** What was kept of a test; undefined where nothing was, or where it cannot be read as JUnit XML. */
  kept(of: TestedStep): Promise<TestCase[] | undefined>;
}

/** A command of the user's for this machine. */
export interface LocalCommand {
  /** Program and arguments; no shell. */
  command: readonly string[];
  /** Variables beside those of Bascule's own environment. */
  environment: Readonly<Record<string, string>>;
  timeoutSeconds: number;
}

export type CommandEnding = CommandMeasurement['ending'];

/** Runs commands of the user's on this machine that change something. */
export interface LocalCommands {
  /** The command and its children are ended at its time-out or by the signal. */
  run(order: LocalCommand, signal: AbortSignal): Promise<{ ending: CommandEnding; output: string }>;
}

/** Of a process that is asked to stop a second time, while something runs that the first time let go on. */
export interface Insistence {
  /** Does work that is then ended by its signal, in place of the whole process. */
  during<T>(work: (ended: AbortSignal) => Promise<T>): Promise<T>;
}

export type { MachineCommand };

export type { MachineEnding };

/** The instances of fleets, as machines on which a command can run. */
export interface Machines {
  /**
   * Runs a command as the service's user, with the application's environment, in the release's folder. A driver
   * that is killed leaves the command running, for the next to find by its name; the signal ends it.
   */
  run(
    region: string,
    instanceId: string,
    order: MachineCommand,
    signal: AbortSignal,
  ): Promise<{ ending: MachineEnding; output: string }>;
}

export type { Message };

export interface Reporter {
  say(message: Message): void;
}

/** Everything in one region that a step may look at or change. */
export interface RegionWorld {
  region: string;
  traffic: Traffic;
  fleets: Fleets;
  metrics: Metrics;
  /** null where no metric of open connections is configured. */
  connections: OpenConnections | null;
  productionUrl: string;
  testUrl: string;
}

/** Everything a deployment of one environment may look at or change. */
export interface World {
  stacks: Stacks;
  images: Images;
  bundles: Bundles;
  prober: Prober;
  clock: Clock;
  commands: CheckCommands;
  localCommands: LocalCommands;
  tests: TestGates;
  machines: Machines;
  region(name: string): RegionWorld;
}

/** The stack that bakes images. */
export interface Bakery {
  /**
   * What builds the images here, with versions; undefined where nothing is needed for that.
   * @throws BasculeError BASCULE_PACKER_MISSING (exit code 2).
   */
  tools(): Promise<string | undefined>;
  /** Bakes one release and tells how it goes; the id of its image for each region. */
  bake(order: BakeConfig, tell: (event: BakeEvent) => void): Promise<Record<string, string>>;
}

/** A way by which people are told of deployments. */
export interface Channel {
  /** As configured; what was delivered to it is remembered by this name. */
  readonly name: string;
  /** What is told on it. */
  readonly events: readonly NotificationEvent[];
  /**
   * Hands a notification over to whoever carries it further; ended by the signal.
   * @throws Error that says why it was not taken, and never tells a secret.
   */
  send(notification: Notification, signal: AbortSignal): Promise<void>;
}

/** What was delivered of the environment's notifications, so that nothing is sent twice without need. */
export interface Deliveries {
  /** What was delivered of each deployment from this id on: `<sequence>-<channel>`, or `complete`. */
  since(deployment: string): Promise<Map<string, Set<string>>>;
  /** Says that one was delivered. Safe to repeat. */
  mark(notification: Notification, channel: string): Promise<void>;
  /** Says that nothing of a deployment is outstanding, nor ever will be. Safe to repeat. */
  complete(deployment: string): Promise<void>;
}

/** What git knows of the application that is deployed. */
export interface Commits {
  /**
   * What lies between two commits, newest first, at most so many, and how many there are; null where the folder is no
   * repository that knows both.
   */
  between(from: string, to: string, most: number): Promise<{ commits: Commit[]; count: number } | null>;
}

/** The comments of one merge request. */
export interface Comments {
  /** Login of whoever the token belongs to; null where the platform does not say. */
  author(): Promise<string | null>;
  /** All of them, from all pages. */
  list(): Promise<PostedComment[]>;
  post(body: string): Promise<PostedComment>;
  edit(id: number, body: string): Promise<PostedComment>;
}
