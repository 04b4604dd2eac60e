import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadEnvironmentFile, loadImageFile } from '../../src/adapters/config-file';
import { BasculeError } from '../../src/domain/errors';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function refusal(name: string, text: string): Promise<BasculeError> {
  await writeFile(path.join(folder, `Pulumi.${name}.yaml`), text);
  const error: unknown = await loadEnvironmentFile(folder, name).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof BasculeError)) throw new Error(`not refused as it should be: ${String(error)}`);
  return error;
}

const RIGHT = `config:
  aws:region: eu-west-3
  bascule:environment:
    service: shop
    bucket: acme-releases
    regions: [eu-west-3]
    listeners:
      production: { allowedCidrs: [0.0.0.0/0] }
      test: { port: 8443, allowedCidrs: [203.0.113.7/32] }
    fleet:
      instanceTypes: [t3.small]
      minimum: 2
      maximum: 3
`;

describe('loadEnvironmentFile', () => {
  it('reads an environment', async () => {
    await writeFile(path.join(folder, 'Pulumi.staging.yaml'), RIGHT);
    await expect(loadEnvironmentFile(folder, 'staging')).resolves.toMatchObject({
      service: 'shop',
      loadBalancer: { name: 'shop-staging' },
    });
  });

  it('names the line and the path of every problem, in one error', async () => {
    const text = RIGHT.replace('minimum: 2', 'minimum: 4')
      .replace('[eu-west-3]', '[paris]')
      .replace('test: {', 'test: { ports: 1,');
    const error = await refusal('production', text);
    expect(error.code).toBe('BASCULE_CONFIG_INVALID');
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe('Pulumi.production.yaml has 3 problems; nothing was touched.');
    expect(error.details).toEqual([
      'Pulumi.production.yaml:6: bascule:environment.regions[0]: "paris" must be the code of an AWS region, for example eu-west-3',
      'Pulumi.production.yaml:9: bascule:environment.listeners.test.ports: unknown key',
      'Pulumi.production.yaml:12: bascule:environment.fleet.minimum: 4 is more than fleet.maximum 3',
    ]);
  });

  it('names the nearest line of a key that is missing', async () => {
    const error = await refusal('production', RIGHT.replace('      minimum: 2\n', ''));
    expect(error.details).toEqual([
      'Pulumi.production.yaml:10: bascule:environment.fleet.minimum: missing; a number is required',
    ]);
  });

  it('reports a file that is no YAML with its line', async () => {
    const error = await refusal('production', RIGHT.replace('[eu-west-3]', '[eu-west-3'));
    expect(error.code).toBe('BASCULE_CONFIG_INVALID');
    expect(error.details[0]).toMatch(/line 7/);
  });

  it.each(['', 'config: {}', '- a', 'config:\n  bascule:environments: {}'])(
    'says that the key is missing in %j',
    async (text) => {
      const error = await refusal('production', text);
      expect(error.details[0]).toContain('config."bascule:environment" is missing');
    },
  );

  it('says where it looked for a file that is not there', async () => {
    const error: unknown = await loadEnvironmentFile(folder, 'nowhere').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'BASCULE_CONFIG_MISSING', exitCode: 2 });
    expect((error as BasculeError).message).toContain(path.join(folder, 'Pulumi.nowhere.yaml'));
  });
});

describe('loadImageFile', () => {
  it('reads how images are baked, and refuses what is not right', async () => {
    const file = path.join(folder, 'Pulumi.image.yaml');
    await writeFile(file, 'config:\n  bascule:image: { service: shop, bucket: abc, regions: [eu-west-3] }\n');
    await expect(loadImageFile(folder)).resolves.toMatchObject({
      service: 'shop',
      baseImage: { owner: 'amazon' },
    });
    await writeFile(file, 'config:\n  bascule:image: { service: shop }\n');
    await expect(loadImageFile(folder)).rejects.toMatchObject({ code: 'BASCULE_CONFIG_INVALID' });
  });
});
