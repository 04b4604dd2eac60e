import { otherColour, type Colour } from './colour';
import { healthyInstances, type FleetReading } from './fleet';
import type { DeploymentState } from './replay';
import type { Shift } from './step';

/** The shifts whose way back leads to fleets that were given back, and may have shrunk since. */
export function shiftsGivenBack({ plan, steps }: DeploymentState): Shift[] {
  const released = plan.steps.filter(
    (step) => step.kind === 'release' && steps[step.id]?.phase === 'verified',
  );
  return released.length === 0 ? [] : plan.steps.filter((step) => step.kind === 'shift');
}

/** Why a deployment cannot be undone any more: what it would lead to is being let go. */
export function lettingGo({ plan, steps }: DeploymentState): string | undefined {
  const contract = plan.steps.find((step) => step.kind === 'migrate' && step.phase === 'contract');
  if (contract !== undefined && (steps[contract.id]?.phase ?? 'pending') !== 'pending')
    return `the contract of the database for ${plan.version} began, and ${plan.formerVersion ?? 'the former release'} may need what it takes away`;
  const retiring = plan.steps.find((step) => step.kind === 'retire' && steps[step.id]?.phase !== 'pending');
  if (retiring?.kind !== 'retire') return undefined;
  return `the ${retiring.colour} fleet in ${retiring.region} is being scaled down`;
}

/** Why a shift cannot be undone any more: the former fleet must still be able to carry everything. */
export function tooSmall(
  step: Shift,
  fleets: Readonly<Record<Colour, FleetReading | undefined>>,
): string | undefined {
  const former = fleets[otherColour(step.towards)];
  const has = former === undefined ? 0 : healthyInstances(former).length;
  const needs = fleets[step.towards]?.desired ?? 0;
  if (has >= needs) return undefined;
  return `the former fleet in ${step.region} has ${has} healthy instance(s), and ${needs} carry the traffic now`;
}
