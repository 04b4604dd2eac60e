import { BasculeError, messageOf } from '../../../src/domain/errors';
import type { Fault, RegionCut } from '../contract';
import { postToControlPlane } from './control-plane';
import { requireSandbox } from './info';

/** Injects faults into the sandbox until they are cleared; replaces those injected before. */
export async function injectFaults(options: { folder?: string }, faults: Fault[]): Promise<void> {
  const { endpoint } = await requireSandbox(options);
  await telling(endpoint, () => postToControlPlane(endpoint, 'faults', faults));
}

/** Takes all injected faults away. Regions that are cut off stay so. */
export async function clearFaults(options: { folder?: string }): Promise<void> {
  await injectFaults(options, []);
}

/** Cuts a region off, or changes how; it stays so, also over restarts, until it is healed. */
export async function cutRegion(options: { folder?: string }, cut: RegionCut): Promise<void> {
  await changeCuts(options, (cuts) => [...cuts.filter(({ region }) => region !== cut.region), cut]);
}

/** Ends the cut of a region, or of all where none is named. */
export async function healRegion(options: { folder?: string }, healed?: string): Promise<void> {
  await changeCuts(options, (cuts) => cuts.filter(({ region }) => healed !== undefined && region !== healed));
}

async function changeCuts(
  options: { folder?: string },
  change: (cuts: RegionCut[]) => RegionCut[],
): Promise<void> {
  const { endpoint } = await requireSandbox(options);
  await telling(endpoint, async () => {
    const answer = await fetch(`${endpoint}/_bascule/regions`, { signal: AbortSignal.timeout(10_000) });
    // The control plane is of the same release, and contract.ts is the agreement between the two.
    await postToControlPlane(endpoint, 'regions', change((await answer.json()) as RegionCut[]));
  });
}

async function telling(endpoint: string, tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (problem) {
    throw new BasculeError({
      code: 'BASCULE_SANDBOX_FAULTS_REFUSED',
      message: `The sandbox's control plane at ${endpoint} did not take the faults: ${messageOf(problem)}`,
      next: 'Check with `bascule sandbox status` that it runs, then try again.',
      cause: problem,
    });
  }
}
