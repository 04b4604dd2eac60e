import { databaseOf, type Database } from '../../src/domain/database';
import { freezesInForce, type Freeze } from '../../src/domain/environment-log';
import { standingOf } from '../../src/domain/lease';
import { COLOURS, type Colour } from '../../src/domain/colour';
import { describeInstance } from '../../src/domain/health';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
import type { Holder } from '../../src/domain/records';
import { describeStep } from '../../src/domain/step';
import { describeWeights, type Route } from '../../src/domain/traffic';
import { openDeployment } from './deployments';
import { readRegions, type RegionReading } from './observe';
import type { Session } from './session';

export interface FleetStatus {
  colour: Colour;
  version: string | null;
  /** `live`, `idle`, or `shared` while requests go to both colours. */
  role: 'live' | 'idle' | 'shared';
  healthy: number;
  desired: number;
  minimum: number;
  maximum: number;
  instances: string[];
}

export interface RegionStatus {
  region: string;
  live: Colour | null;
  url: string;
  testUrl: string;
  routes: { listener: Route['listener']; label: string; weights: string }[];
  fleets: FleetStatus[];
}

export interface FreezeStatus {
  name: string;
  reason: string;
  until: string;
  by: { user: string; host: string };
  since: string;
}

export interface DatabaseStatus {
  /** The versions of its schema that it serves; null where no release declared a range. */
  schema: { from: number; to: number } | null;
  /** The contract that was run last; no rollback leads past it to a release that needs what it took away. */
  contract: { deployment: string; version: string; at: string } | null;
}

export interface EnvironmentStatus {
  environment: string;
  service: string;
  /** The deployment that has begun and not ended, with what it does now. */
  open: {
    deployment: string;
    version: string;
    purpose: string;
    step: string;
    /** The hash that its plan was given by; null where it was not. */
    planHash: string | null;
    running: boolean;
    /** The number of a last record that was cut off; what follows takes its place. */
    torn: number | null;
  } | null;
  /** `gone` says what proves that the holder is no more, although its lease has not expired. */
  holder: {
    user: string;
    host: string;
    pid: number;
    /** Link to its CI job, where there is one. */
    job: string | null;
    since: string;
    gone: string | null;
  } | null;
  /** The freezes in force, the one that ends first first. */
  freezes: FreezeStatus[];
  /** What migrations made of the database; null while there was none. */
  database: DatabaseStatus | null;
  regions: RegionStatus[];
}

/** What an environment looks like right now; every fact is read from the world, none from memory. */
export async function status(session: Session): Promise<EnvironmentStatus> {
  const [readings, open, lease, events] = await Promise.all([
    readRegions(session),
    openDeployment(session),
    session.leases.read(),
    session.log.read(),
  ]);
  const now = session.world.clock.now();
  const held = lease !== undefined && !lease.released && lease.expiresAt > now;
  const standing = held ? standingOf(lease, now, session.sightOf(lease.holder)) : null;
  const gone = standing?.kind === 'abandoned' ? standing.proof : null;
  const step = open?.plan.steps.find(
    (one) => !['verified', 'undone'].includes(open.steps[one.id]?.phase ?? ''),
  );
  return {
    environment: session.environment,
    service: session.service,
    open:
      open === undefined
        ? null
        : {
            deployment: open.deployment,
            version: open.plan.version,
            purpose: open.plan.purpose,
            step: step === undefined ? 'closing' : describeStep(step),
            planHash: open.planHash ?? null,
            running: held && gone === null && lease.deployment === open.deployment,
            torn: (await session.journal.inspect(open.deployment)).torn,
          },
    holder: held ? { ...pick(lease.holder), since: new Date(lease.acquiredAt).toISOString(), gone } : null,
    freezes: freezesInForce(events, now).map(freezeStatus),
    database: databaseStatus(databaseOf(events)),
    regions: readings.map((reading) => regionStatus(session, reading)),
  };
}

function databaseStatus({ range, contracts }: Database): DatabaseStatus | null {
  const last = contracts.at(-1);
  if (range === null && last === undefined) return null;
  const contract =
    last === undefined
      ? null
      : { deployment: last.deployment, version: last.version, at: new Date(last.at).toISOString() };
  return { schema: range, contract };
}

export function freezeStatus({ name, reason, until, by, at }: Freeze): FreezeStatus {
  return {
    name,
    reason,
    until: new Date(until).toISOString(),
    by: { user: by.user, host: by.host },
    since: new Date(at).toISOString(),
  };
}

function pick({ user, host, pid, job }: Holder) {
  return { user, host, pid, job };
}

function regionStatus(session: Session, reading: RegionReading): RegionStatus {
  const world = session.world.region(reading.region);
  return {
    region: reading.region,
    live: reading.live.kind === 'live' ? reading.live.colour : null,
    url: world.productionUrl,
    testUrl: world.testUrl,
    routes: reading.routes.map(({ listener, label, weights }) => ({
      listener,
      label,
      weights: describeWeights(weights),
    })),
    fleets: COLOURS.flatMap((colour) => {
      const fleet = reading.fleets[colour];
      return fleet === undefined ? [] : [fleetStatus(fleet, reading)];
    }),
  };
}

function fleetStatus(fleet: FleetReading, reading: RegionReading): FleetStatus {
  const { colour, version, desired, minimum, maximum } = fleet;
  const role = reading.live.kind !== 'live' ? 'shared' : reading.live.colour === colour ? 'live' : 'idle';
  return {
    colour,
    version,
    role,
    healthy: healthyInstances(fleet).length,
    desired,
    minimum,
    maximum,
    instances: fleet.instances.map(
      (instance) => `${describeInstance(instance)}, version ${instance.version ?? 'unknown'}`,
    ),
  };
}
