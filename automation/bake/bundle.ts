import { systemClock } from '../../src/adapters/clock';
import { makeImage, uploadBundle, type ReleaseOrder } from '../../src/adapters/release';
import { BasculeError, messageOf } from '../../src/domain/errors';

/**
 * The script that the image stack runs. It is told what to bake in BASCULE_BAKE, says what it does on
 * standard error, and ends with one line of JSON that names the images.
 */
async function main(): Promise<void> {
  const order = JSON.parse(process.env['BASCULE_BAKE'] ?? '{}') as ReleaseOrder;
  const bundle = await uploadBundle(order);
  process.stderr.write(`bundle: ${bundle}\n`);
  const made = await Promise.all(
    order.regions.map(
      async (region) => [region, await makeImage(order, region, bundle, systemClock)] as const,
    ),
  );
  for (const [region, id] of made) process.stderr.write(`image: ${id} in ${region}\n`);
  process.stdout.write(`${JSON.stringify({ images: Object.fromEntries(made) })}\n`);
}

main().catch((thrown: unknown) => {
  const next = thrown instanceof BasculeError ? `\nnext: ${thrown.next}` : '';
  process.stderr.write(`${messageOf(thrown)}${next}\n`);
  process.exitCode = 1;
});
