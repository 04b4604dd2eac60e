import type { Colour } from './colour';

export type StatusCheck = 'ok' | 'initializing' | 'impaired' | 'unknown';
export type TargetHealth =
  'initial' | 'healthy' | 'unhealthy' | 'unused' | 'draining' | 'unavailable' | 'unregistered';

/** One instance of a fleet as it was measured. */
export interface InstanceReading {
  id: string;
  /** The release its tags name; null when the tag is missing. */
  version: string | null;
  /** What it was launched from; absent where nobody asked. */
  imageId?: string | null;
  /** Auto Scaling's lifecycle state, for example InService or Pending:Wait. */
  lifecycle: string;
  statusCheck: StatusCheck;
  target: TargetHealth;
  /** The load balancer's reason code and description, empty when healthy. */
  targetReason: string;
}

export interface ScalingActivity {
  at: number;
  status: string;
  description: string;
  message: string;
}

/** What may be changed of a fleet by hand: its capacity, and the processes that are suspended. */
export interface FleetLimits {
  minimum: number;
  maximum: number;
  desired: number;
  /** Auto Scaling processes that are suspended, in alphabetical order. */
  suspended: string[];
}

/** The limits alone, of a measurement that may hold more. */
export function limitsOf(reading: FleetLimits | undefined): FleetLimits | null {
  if (reading === undefined) return null;
  const { minimum, maximum, desired, suspended } = reading;
  return { minimum, maximum, desired, suspended };
}

/** One fleet as it was measured; nothing here is judged. */
export interface FleetReading extends FleetLimits {
  region: string;
  colour: Colour;
  autoScalingGroup: string;
  /** The release that the group gives new instances; null when unknown. */
  version: string | null;
  instances: InstanceReading[];
  /** Newest first. */
  activities: ScalingActivity[];
}

/** Instances that count as capacity and that the load balancer would send requests to. */
export function healthyInstances(reading: FleetReading, version?: string): InstanceReading[] {
  return reading.instances.filter(
    (instance) =>
      instance.lifecycle === 'InService' &&
      instance.statusCheck === 'ok' &&
      instance.target === 'healthy' &&
      (version === undefined || instance.version === version),
  );
}
