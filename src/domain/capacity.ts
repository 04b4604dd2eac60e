import type { FleetReading } from './fleet';
import type { Capacity } from './step';
import { instancesFor, stagesOf, type Growth, type Strategy } from './strategy';

/** The idle fleet starts with the live one's current desired capacity, pinned, and never with its minimum. */
export function capacityFor(live: FleetReading | undefined, configured: Capacity): Capacity {
  const desired = live === undefined || live.desired === 0 ? configured.desired : live.desired;
  return { minimum: desired, maximum: Math.max(configured.maximum, desired), desired };
}

/** A share of the live fleet's traffic, and the least number of instances for any. */
export interface Share {
  percent: number;
  atLeast: number;
}

/** All of it. */
export const WHOLE: Share = { percent: 100, atLeast: 0 };

/** What of the live fleet's current capacity a share of its traffic needs. */
export function capacityAt(live: FleetReading | undefined, configured: Capacity, share: Share): Capacity {
  const whole = capacityFor(live, configured);
  const desired = instancesFor(whole.desired, share.percent, share.atLeast);
  return { minimum: desired, maximum: Math.max(whole.maximum, desired), desired };
}

/** What a fleet has to carry at a stage, where it grows with its weight. */
export function shareAt(growth: Growth, percent: number): Share {
  return growth.kind === 'full' ? WHOLE : { percent, atLeast: growth.minimum };
}

/** What the new colour starts with: what its first weight needs. */
export function firstShare({ strategy, growth }: { strategy: Strategy; growth: Growth }): Share {
  const first = stagesOf(strategy)[0];
  return first === undefined ? WHOLE : shareAt(growth, first.percent);
}
