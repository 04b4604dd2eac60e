import * as pulumi from '@pulumi/pulumi';
import {
  harmsOf,
  isAllowed,
  liveText,
  liveWord,
  refusalOfLive,
  refusalOfOnlyHealthy,
  refusalOfUnknown,
  refusalText,
  takesInstances,
  type FleetChange,
  type Guard,
  type LiveWord,
  type LookPlace,
  type Refusal,
} from '../src/domain/guard';
import { messageOf } from '../src/domain/errors';
import type { FleetStackConfig } from '../src/domain/config';

/** Says which colour is live in a region, as its listeners are at this moment. */
export async function showLive(guard: Guard, place: LookPlace): Promise<LiveWord> {
  try {
    const routes = await guard.lookAt(place).routes();
    await pulumi.log.info(liveText(place.region, routes));
    return liveWord(routes);
  } catch (thrown) {
    await pulumi.log.warn(`It cannot be read what is live in ${place.region}: ${messageOf(thrown)}`);
    return 'unknown';
  }
}

/** Goes on only when a change of a fleet is not felt by requests, or is insisted upon. */
export async function refuseHarm(
  guard: Guard,
  place: LookPlace,
  change: Omit<FleetChange, 'limits'>,
  decided: FleetStackConfig,
): Promise<void> {
  if (!guard.refuses) return;
  const refusal = await refusalOf(guard, place, change);
  if (refusal === undefined) return;
  const text = refusalText(refusal);
  if (!isAllowed(decided)) throw new pulumi.RunError(text);
  await pulumi.log.warn(`Goes on because allowLiveChange is ${decided.version}. ${text}`);
}

async function refusalOf(
  guard: Guard,
  place: LookPlace,
  found: Omit<FleetChange, 'limits'>,
): Promise<Refusal | undefined> {
  const look = guard.lookAt(place);
  try {
    const [routes, limits] = await Promise.all([look.routes(), look.limits()]);
    const change: FleetChange = { ...found, limits: limits[found.colour] };
    const live = refusalOfLive(change, harmsOf(change), routes);
    if (live !== undefined || !takesInstances(change)) return live;
    return refusalOfOnlyHealthy(change, await look.healthy());
  } catch (thrown) {
    return refusalOfUnknown(found, messageOf(thrown));
  }
}

/**
 * What a `pulumi destroy` meets first, and stops at: the engine deletes what depends on other things before those,
 * so that listeners' rules would be gone before a protected load balancer could refuse. It exists in the state alone.
 */
class Protection extends pulumi.ComponentResource {
  constructor(name: string, all: pulumi.Resource[], protect: boolean) {
    super('bascule:index:Protection', name, {}, { dependsOn: all, protect });
    this.registerOutputs({});
  }
}

/** Types that the engine keeps for itself. */
const ENGINES_OWN = /^pulumi:/;

/**
 * Runs what makes a stack's resources, and protects them as a whole. Whoever takes the stack away has to say so
 * first: to Pulumi (`pulumi state unprotect`), in the configuration, or by `bascule down`.
 */
export function protectedAsAWhole<T>(name: string, protect: boolean, make: () => T): T {
  const all: pulumi.Resource[] = [];
  pulumi.runtime.registerStackTransformation(({ type, resource }) => {
    if (!ENGINES_OWN.test(type)) all.push(resource);
    return undefined;
  });
  const made = make();
  // There without protection too: what is protected can be lifted by an update, and not be left out of one.
  void new Protection(name, [...all], protect);
  return made;
}
