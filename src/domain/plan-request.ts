import type { Check } from './analysis/check';
import { otherColour, type Colour } from './colour';
import type { FleetReading } from './fleet';
import type { SchemaRange } from './schema-range';
import type { Growth, Strategy } from './strategy';
import type { ApprovalRule, Capacity, MigrationHook, MigrationPhase, SmokeRequest } from './step';
import type { PlannedTest } from './suite/gate';
import type { Route } from './traffic';
import type { WavePolicy } from './waves';

/** What was found in one region before a plan is made. */
export interface RegionFacts {
  region: string;
  routes: Route[];
  /** Production rules that forward to neither colour, in words. */
  elsewhere?: string[];
  live: Colour;
  fleets: Record<Colour, FleetReading | undefined>;
}

/** What people decided about deployments of the environment, in the units of the configuration. */
export interface DeploymentPolicy {
  capacity: Capacity;
  gate: { consecutive: number; intervalSeconds: number; timeoutSeconds: number };
  smoke: SmokeRequest[];
  /** The tests that are gates before and after traffic moves. */
  tests?: readonly PlannedTest[];
  proof: { path: string; header: string | null; requests: number; timeoutSeconds: number };
  strategy: Strategy;
  growth: Growth;
  /** What judges the new colour while traffic moves in steps, and while it soaks. */
  checks: Check[];
  soakSeconds: number;
  /** Whose consent a deployment needs. */
  approvals?: readonly ApprovalRule[];
  /** What changes the database for a release; absent where nothing does. */
  migrate?: Partial<Record<MigrationPhase, MigrationHook>>;
  retire: { when: 'after' | 'on-request' | 'never'; afterSeconds: number };
  /** Which regions go together, in which order; one after the other where absent. */
  waves?: WavePolicy;
  quietSeconds: number;
  drainTimeoutSeconds: number;
  /** How long the load balancer leaves open what is under way to an instance that leaves. */
  drainSeconds?: number;
  /** Whether a scaling policy may give a fleet that serves nobody more instances, as one by processor load does. */
  scalesIdle?: boolean;
}

export interface PlanRequest {
  environment: string;
  service: string;
  version: string;
  formerVersion: string | null;
  /** The range of database schemas that the release declares, where it does. */
  schema?: SchemaRange;
  regions: RegionFacts[];
  /** Regions that give no answer, and are left out of a rollback until they do. */
  unplanned?: string[];
  policy: DeploymentPolicy;
}

/** The colour that is brought up. */
export function idleOf(facts: RegionFacts): Colour {
  return otherColour(facts.live);
}

/** Whether the idle fleet runs a release already, at the live fleet's current capacity. */
export function isWarm(facts: RegionFacts, version: string): boolean {
  const idle = facts.fleets[idleOf(facts)];
  if (idle === undefined || idle.version !== version) return false;
  const serving = idle.instances.filter(
    (instance) =>
      instance.version === version && instance.lifecycle === 'InService' && instance.target === 'healthy',
  );
  return serving.length >= Math.max(1, facts.fleets[facts.live]?.desired ?? 1);
}
