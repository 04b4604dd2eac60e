import { COLOURS, type Colour } from './colour';
import type { FleetLimits } from './fleet';

/**
 * What Auto Scaling may do to a fleet by itself and must not while traffic moves: AZ rebalancing terminates
 * instances and may exceed the maximum, a scheduled action changes the capacity. Replacing what is unhealthy
 * and scaling with the load go on. (Amazon EC2 Auto Scaling user guide, Suspend and resume processes.)
 */
export const HELD_PROCESSES: readonly string[] = ['AZRebalance', 'ScheduledActions'];

/** What is still to be suspended. */
export function toSuspend(now: FleetLimits): string[] {
  return HELD_PROCESSES.filter((process) => !now.suspended.includes(process));
}

/** What is suspended and was not when it was found; a fleet that was not there had nothing suspended. */
export function toResume(found: FleetLimits | null, now: FleetLimits): string[] {
  const before = found?.suspended ?? [];
  return HELD_PROCESSES.filter((process) => now.suspended.includes(process) && !before.includes(process));
}

/** What a person types to put everything back that `hold` may have changed; each line is safe to repeat. */
export function commandsToRestore(
  region: string,
  groups: Record<Colour, string>,
  { losing, found }: { losing: Colour; found: Record<Colour, FleetLimits | null> },
  pin: number | null,
): string[] {
  return COLOURS.flatMap((colour) => {
    const group = `--region ${region} --auto-scaling-group-name ${groups[colour]}`;
    const limits = found[colour];
    const processes = HELD_PROCESSES.filter((process) => !(limits?.suspended ?? []).includes(process));
    const resume = `aws autoscaling resume-processes ${group} --scaling-processes ${processes.join(' ')}`;
    const lower = `aws autoscaling update-auto-scaling-group ${group} --min-size ${limits?.minimum ?? 0}`;
    const pinned = colour === losing && limits !== null && pin !== null && pin !== limits.minimum;
    return [...(processes.length === 0 ? [] : [resume]), ...(pinned ? [lower] : [])];
  });
}

/** The minimum that keeps a fleet from shrinking; null for one that was not there when the plan was made. */
export function pinFor(found: FleetLimits | null, now: FleetLimits | undefined): number | null {
  if (found === null || now === undefined) return null;
  return Math.max(found.minimum, now.desired);
}

/** The minimum to give back; undefined when there is none: a minimum that is neither was set by somebody else. */
export function minimumToRestore(
  found: FleetLimits | null,
  pin: number | null,
  now: FleetLimits,
): number | undefined {
  if (found === null || pin === null || now.minimum !== pin || pin === found.minimum) return undefined;
  return found.minimum;
}
