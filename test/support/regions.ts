/** An environment of several regions, one of which can be cut off at a moment of a deployment that a test names. */
import { cutRegion, healRegion } from '../../automation/sandbox';
import type { Expectations } from '../../automation/operations/expect-version';
import type { EnvironmentStatus } from '../../automation/operations/status';
import { PASS, type AwsCall, type AwsProxy } from './aws-proxy';
import { apps, LiveEnvironment } from './e2e';
import { ENVIRONMENT, type Settings } from './e2e-project';
import { alsoAs } from './releases';

export type { Expectations };

/** What the least that a region of a test costs is: one instance, no soak, few looks. */
function small(settings: Settings, regions: readonly string[]): void {
  Object.assign(settings, { regions });
  Object.assign(settings.fleet, { minimum: 1, maximum: 2, desired: 1 });
  settings.deployment.soakSeconds = 0;
  settings.deployment.proof.requests = 5;
  settings.deployment.proof.timeoutSeconds = 5;
}

/** Starts it with 1.0.0 live in every region, and the other versions baked: the same application, called otherwise. */
export async function liveInRegions(
  regions: readonly string[],
  versions: readonly string[],
  change: (settings: Settings) => void = () => undefined,
): Promise<LiveEnvironment> {
  const live = await LiveEnvironment.start((settings) => {
    small(settings, regions);
    change(settings);
  });
  try {
    await live.changeImages({ regions: [...regions] });
    await Promise.all([live.succeeds('up', ENVIRONMENT), live.bake('1.0.0', apps.regional)]);
    await live.succeeds('deploy', ENVIRONMENT, '--version', '1.0.0');
    for (const region of regions) await alsoAs(live, '1.0.0', versions, region);
    return live;
  } catch (problem) {
    await live.dispose();
    throw problem;
  }
}

type Answered = EnvironmentStatus & { expected: Expectations };

/** What `status --expect` says of each region: proven, or what answered instead. */
export async function expecting(live: LiveEnvironment, version: string) {
  const { exitCode, json } = await live.run<Answered>('status', ENVIRONMENT, '--expect', version);
  return {
    exitCode,
    answered: Object.fromEntries(
      json.expected.regions.map(({ region, proven, answered }) => [
        region,
        proven ? 'proven' : Object.keys(answered).sort().join(),
      ]),
    ),
    unknown: json.regions.filter(({ unknown }) => unknown !== null).map(({ region }) => region),
  };
}

/** Cuts the region off right before the first call that fits; no call to it is answered from then on. */
export function cutBefore(
  live: LiveEnvironment,
  proxy: AwsProxy,
  region: string,
  fits: (call: AwsCall) => boolean,
): void {
  const folder = live.info.folder;
  proxy.onBefore = async (call) => {
    if (!fits(call)) return PASS;
    proxy.onBefore = () => PASS;
    await cutRegion({ folder }, { region, traffic: false });
    return PASS;
  };
}

export const heal = (live: LiveEnvironment, region: string): Promise<void> =>
  healRegion({ folder: live.info.folder }, region);

/** A call that moves the traffic of a region. */
export const movesTraffic =
  (region: string) =>
  ({ service, action, write, region: where }: AwsCall): boolean =>
    service === 'elbv2' && write && /^Modify(Rule|Listener)$/.test(action) && where === region;
