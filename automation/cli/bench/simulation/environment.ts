import { S3Approvals } from '../../../../src/adapters/approvals';
import { S3EnvironmentLog } from '../../../../src/adapters/environment-log';
import { AwsFleets } from '../../../../src/adapters/fleets';
import { S3Journal } from '../../../../src/adapters/journal';
import { S3Leases } from '../../../../src/adapters/leases';
import { AwsMetrics } from '../../../../src/adapters/metrics';
import { Objects } from '../../../../src/adapters/objects';
import { S3Requests } from '../../../../src/adapters/requests';
import { AwsTraffic } from '../../../../src/adapters/traffic';
import { parseEnvironment, type EnvironmentConfig } from '../../../../src/domain/config';
import type { RegionWorld, StackChanges, World } from '../../../../src/ports';
import { policyOf } from '../../../operations/policy';
import type { Session } from '../../../operations/session';
import { Calls } from './calls';
import type { SimulatedClock } from './clock';
import { SimulatedRegion } from './region';
import { SimulatedBucket } from './store';

/** How large a simulated environment is. */
export interface Size {
  regions: number;
  /** Of each colour in each region. */
  instances: number;
  /** Production routes of each region, the default action included. */
  rules: number;
  /** Whether the regions go all at once instead of one after another. */
  together?: boolean;
  /** Seconds of the weight on the way, and of the soak. */
  watchSeconds?: number;
}

export interface SimulatedEnvironment {
  session: Session;
  calls: Calls;
}

const HEADER = 'x-version';
/** Enough for CloudWatch's late metrics to judge a weight by. */
const WATCH_SECONDS = 300;
const UNCHANGED: StackChanges = { created: 0, updated: 1, replaced: 0, deleted: 0, unchanged: 5 };
/** How long the engine takes for a fleet's stack, with latency as AWS has it (README, "Measured"). */
const ENGINE_MILLISECONDS = 9_000;

/**
 * An environment whose AWS is simulated below the driver's own adapters: what they call is counted as they call it.
 * What Pulumi's engine calls by itself is not among it.
 */
export function simulatedEnvironment(size: Size, clock: SimulatedClock): SimulatedEnvironment {
  const calls = new Calls(clock);
  const names = Array.from({ length: size.regions }, (_, index) => `eu-west-${index + 1}`);
  const config = configOf(size, names);
  const regions = new Map(names.map((name) => [name, new SimulatedRegion(name, size.rules, calls, clock)]));
  for (const region of regions.values()) region.applyFleet('blue', '1.0.0', capacityOf(size));
  const home = names[0] ?? '';
  const objects = new Objects(new SimulatedBucket(calls, home).client(), config.bucket);
  const environment = 'scale';
  const stop = new AbortController().signal;
  const session: Session = {
    environment,
    service: config.service,
    folder: '.',
    regions: names,
    imageOwners: config.fleet.imageOwners,
    policy: policyOf(config),
    world: worldOf(regions, calls, clock),
    journal: new S3Journal(objects, environment),
    leases: new S3Leases(objects, environment, clock),
    requests: new S3Requests(objects, environment),
    approvals: new S3Approvals(objects, environment),
    log: new S3EnvironmentLog(objects, environment, clock),
    identity: { current: () => Promise.reject(new Error('nobody is asked in a simulation')) },
    preflight: null,
    promotion: null,
    windows: null,
    post: null,
    holder: { host: 'simulation', pid: process.pid, user: 'bench', job: null },
    sightOf: () => 'unknown',
    guardWrites: () => undefined,
    reporter: { say: () => undefined },
    stop,
    insistence: { during: (work) => work(stop) },
  };
  return { session, calls };
}

function capacityOf({ instances }: Size) {
  return { minimum: instances, maximum: instances, desired: instances };
}

/** A canary with a check and a soak: what a careful deployment looks at. */
function configOf(size: Size, regions: string[]): EnvironmentConfig {
  const { minimum, maximum, desired } = capacityOf(size);
  const { watchSeconds = WATCH_SECONDS } = size;
  const parsed = parseEnvironment('scale', {
    service: 'shop',
    bucket: 'scale-releases',
    regions,
    listeners: {
      production: { allowedCidrs: ['0.0.0.0/0'] },
      test: { port: 8443, allowedCidrs: ['10.0.0.0/8'] },
    },
    fleet: { instanceTypes: ['t3.small'], minimum, maximum, desired },
    deployment: {
      strategy: { kind: 'canary', steps: [{ weight: 10, pauseSeconds: watchSeconds }] },
      analysis: { checks: [{ kind: 'error-rate', name: 'errors', limitPercent: 5 }] },
      proof: { path: '/', header: HEADER },
      soakSeconds: watchSeconds,
      waves: { order: size.together === true ? 'together' : 'one-by-one' },
    },
  });
  if (!parsed.ok)
    throw new Error(`the simulation's configuration is wrong: ${JSON.stringify(parsed.problems)}`);
  return parsed.config;
}

function worldOf(regions: ReadonlyMap<string, SimulatedRegion>, calls: Calls, clock: SimulatedClock): World {
  const worlds = new Map([...regions].map(([name, region]) => [name, regionWorld(region)]));
  const at = <T>(of: ReadonlyMap<string, T>, name: string): T => {
    const found = of.get(name);
    if (found === undefined) throw new Error(`the simulation has no region ${name}`);
    return found;
  };
  const unused = (): Promise<never> =>
    Promise.reject(new Error('the simulated deployment has no use for this'));
  return {
    clock,
    region: (name) => at(worlds, name),
    stacks: {
      outputs: unused,
      upService: unused,
      destroyFleet: unused,
      destroyService: unused,
      applyFleet: async ({ region, colour, version, capacity }) => {
        await clock.wait(ENGINE_MILLISECONDS);
        at(regions, region).applyFleet(colour, version, capacity);
        return UNCHANGED;
      },
    },
    images: {
      find: async (region, _service, version) => {
        await calls.make(region, 'ec2', 'DescribeImages');
        const tags = { 'bascule:content': version };
        return { id: version, region, version, state: 'available', tags, createdAt: '' };
      },
    },
    bundles: { look: unused },
    prober: {
      request: (url) => {
        const version = at(regions, new URL(url).hostname).serving();
        const headers: Record<string, string> = version === undefined ? {} : { [HEADER]: version };
        return Promise.resolve({ kind: 'answered', status: 200, headers, body: '', milliseconds: 1 });
      },
    },
    commands: { run: unused },
    localCommands: { run: unused },
    machines: { run: unused },
    tests: { lacking: () => [], run: unused, junit: unused, keep: unused, kept: unused },
  };
}

function regionWorld(region: SimulatedRegion): RegionWorld {
  const clients = region.clients();
  const { name, place } = region;
  return {
    region: name,
    traffic: new AwsTraffic(clients.elb, place),
    fleets: new AwsFleets(clients, place),
    metrics: new AwsMetrics(clients.cloudWatch, place.loadBalancerArn, place.targetGroups),
    connections: null,
    productionUrl: `http://${name}`,
    testUrl: `http://${name}:8443`,
  };
}
