import type { EnvironmentConfig } from '../config';
import type { Plan } from '../records';
import type { CostDifference } from './preview';

/**
 * What the new fleets cost per hour at their largest, beside what is live. They are reckoned with the preferred
 * instance type: which others Auto Scaling takes, it only knows then.
 */
export function costOf(
  plan: Plan,
  { prices, fleet }: Pick<EnvironmentConfig, 'prices' | 'fleet'>,
): CostDifference | null {
  if (prices === undefined) return null;
  const [instanceType = ''] = fleet.instanceTypes;
  const price = prices.instances[instanceType];
  const needs = largest(plan);
  const parts =
    price === undefined
      ? []
      : needs.map(({ region, instances }) => ({ region, instanceType, instances, perHour: price }));
  return {
    currency: prices.currency,
    perHour: rounded(parts.reduce((sum, part) => sum + part.instances * part.perHour, 0)),
    parts,
    unpriced: price === undefined && needs.length > 0 ? [instanceType] : [],
  };
}

/** The most instances that each region's new fleet gets. */
function largest(plan: Plan): { region: string; instances: number }[] {
  const most = new Map<string, number>();
  for (const step of plan.steps)
    if (step.kind === 'apply-idle' || step.kind === 'follow')
      most.set(step.region, Math.max(most.get(step.region) ?? 0, step.capacity.desired));
  return [...most].map(([region, instances]) => ({ region, instances }));
}

/** Prices per hour have up to four digits; sums of them must not show the noise of binary fractions. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
