import { COLOURS, type Colour } from '../../src/domain/colour';
import { describeInstance } from '../../src/domain/health';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
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

export interface EnvironmentStatus {
  environment: string;
  service: string;
  /** The deployment that has begun and not ended, with what it does now. */
  open: { deployment: string; version: string; purpose: string; step: string; running: boolean } | null;
  holder: { user: string; host: string; pid: number; since: string } | null;
  regions: RegionStatus[];
}

/** What an environment looks like right now; every fact is read from the world, none from memory. */
export async function status(session: Session): Promise<EnvironmentStatus> {
  const [readings, open, lease] = await Promise.all([
    readRegions(session),
    openDeployment(session),
    session.leases.read(),
  ]);
  const held = lease !== undefined && !lease.released && lease.expiresAt > session.world.clock.now();
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
            running: held && lease.deployment === open.deployment,
          },
    holder: held ? { ...pick(lease.holder), since: new Date(lease.acquiredAt).toISOString() } : null,
    regions: readings.map((reading) => regionStatus(session, reading)),
  };
}

function pick(holder: { user: string; host: string; pid: number }) {
  return { user: holder.user, host: holder.host, pid: holder.pid };
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
