import { createInterface } from 'node:readline';
import { bakeId, imageName, type BakeOrder } from '../../src/domain/bake-order';
import { endGroup } from './process-group';

/**
 * Outlives a bake script that is killed, and removes what it was at: whatever writes to this process's standard
 * input is gone when it ends without `done`. In a session of its own, so that what ends the script does not end it.
 */
async function main(): Promise<void> {
  const order = JSON.parse(process.env['BASCULE_BAKE'] ?? '{}') as BakeOrder;
  let group = 0;
  let done = false;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'done') done = true;
    const told = /^group (\d+)$/.exec(line)?.[1];
    if (told !== undefined) group = Number(told);
  }
  if (done) return;
  await endGroup(group);
  // Only now: nearly every bake ends well, and what it takes to call AWS takes a while to load.
  const [{ sweepLeftovers }, { systemClock }] = await Promise.all([
    import('../../src/adapters/bake-leftovers.js'),
    import('../../src/adapters/clock.js'),
  ]);
  const scope = { service: order.service, bakeId: bakeId(order), image: imageName(order) };
  await Promise.all(order.regions.map((region) => sweepLeftovers(region, scope, systemClock)));
}

// A terminal's Ctrl-C and a logout are for those that somebody still waits for.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

main().catch(() => {
  // Nobody reads it any more; the next bake of the service sweeps again.
  process.exitCode = 1;
});
