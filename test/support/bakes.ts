/** Orders of bakes, as the command line makes them. */
import type { BakeOrder } from '../../src/domain/bake-order';
import { parseImage, type BakeConfig, type ImageConfig } from '../../src/domain/config';

export function imageConfig(change: Record<string, unknown> = {}): ImageConfig {
  const parsed = parseImage({ service: 'shop', bucket: 'releases', regions: ['eu-west-3'], ...change });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

export function bakeOrder(change: Record<string, unknown> = {}, bake: Partial<BakeConfig> = {}): BakeOrder {
  return {
    ...imageConfig(change),
    version: '2.0.0',
    sha256: 'a'.repeat(64),
    contentSha256: 'b'.repeat(64),
    bundleFile: '/tmp/shop-2.0.0.tar.gz',
    id: 'this-bake',
    ...bake,
  };
}
