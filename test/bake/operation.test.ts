import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bake, type BakeRequest } from '../../automation/operations/bake';
import type { BakeConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { BundleReading } from '../../src/domain/release-set';
import type { Bakery, Bundles, Image, Images } from '../../src/ports';
import { imageConfig } from '../support/bakes';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-bake-'));
  await mkdir(path.join(folder, 'app'));
  await mkdir(path.join(folder, 'images', 'roles', 'app', 'tasks'), { recursive: true });
  await file('app/Procfile', 'web: node index.js\n');
  await file('images/template.pkr.hcl', 'source {}\n');
  await file('images/playbook.yml', '- hosts: all\n');
  await file('images/roles/app/tasks/main.yml', '- debug:\n');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function file(name: string, text: string): Promise<void> {
  return writeFile(path.join(folder, name), text);
}

function request(change: Record<string, unknown> = {}, packer = true): BakeRequest {
  const recipe = {
    template: path.join(folder, 'images', 'template.pkr.hcl'),
    playbook: path.join(folder, 'images', 'playbook.yml'),
  };
  return {
    config: imageConfig({ builder: packer ? 'packer' : 'bundle', ...change }),
    version: '2.0.0',
    folder: path.join(folder, 'app'),
    recipe: packer ? recipe : undefined,
    workFolder: path.join(folder, 'work'),
  };
}

/** A world whose images are those that were baked in it. */
function world(tools: () => Promise<string | undefined> = async () => 'packer 1.6.6, ansible 2.14.18') {
  const orders: BakeConfig[] = [];
  const baked: Image[] = [];
  const images: Images = {
    find: async (region, _service, version) =>
      baked.find((image) => image.region === region && image.version === version),
  };
  const bundles: Bundles = { look: () => Promise.resolve({ kind: 'found', sha256: null }) };
  const bakery: Bakery = {
    tools,
    bake: async (order) => {
      orders.push(order);
      const { version } = order;
      const bundle = { 'bascule:bundle': `s3://releases/${order.sha256}`, 'bascule:sha256': order.sha256 };
      const tags = { 'bascule:content': order.contentSha256, ...(order.madeBy === undefined ? bundle : {}) };
      baked.unshift({ id: 'ami-1', region: 'eu-west-3', version, state: 'available', tags, createdAt: '' });
      return { 'eu-west-3': 'ami-1' };
    },
  };
  return { orders, images, bundles, bakery, tell: () => undefined };
}

describe('a release that is baked', () => {
  it('is baked once, and found the second time', async () => {
    const around = world();
    expect(await bake(request(), around)).toMatchObject({
      outcome: 'baked',
      images: { 'eu-west-3': 'ami-1' },
    });
    expect(await bake(request(), around)).toMatchObject({ outcome: 'already-baked' });
    expect(around.orders).toHaveLength(1);
    expect(around.orders[0]).toMatchObject({ madeBy: 'packer 1.6.6, ansible 2.14.18' });
  });

  const CHANGES: [string, () => Promise<Record<string, unknown>>][] = [
    ['the application', async () => (await file('app/index.js', '1'), {})],
    ['the template', async () => (await file('images/template.pkr.hcl', 'source { }\n'), {})],
    ['the playbook', async () => (await file('images/playbook.yml', '- hosts: none\n'), {})],
    ['a role', async () => (await file('images/roles/app/tasks/main.yml', '- ping:\n'), {})],
    ['a variable of the template', async () => ({ packer: { variables: { size: 8 } } })],
    ['a variable of the playbook', async () => ({ packer: { ansibleVariables: { packages: ['jq'] } } })],
    ['the base image', async () => ({ baseImage: { name: 'al2023-*' } })],
    ['the port', async () => ({ port: 9000 })],
  ];

  it.each(CHANGES)('is another one when %s changed', async (_, change) => {
    const around = world();
    await bake(request(), around);
    await expect(bake(request(await change()), around)).rejects.toMatchObject({
      code: 'BASCULE_VERSION_TAKEN',
      exitCode: 2,
    });
    expect(around.orders).toHaveLength(1);
  });

  it('is the same when something changed that makes no image', async () => {
    const around = world();
    await bake(request(), around);
    await file('images/notes.txt', 'about');
    await file('images/Pulumi.production.yaml', 'config: {}');
    expect(await bake(request({ expiresAfterDays: 3 }), around)).toMatchObject({ outcome: 'already-baked' });
  });

  it('does not count the recipe where a bundle is baked', async () => {
    const around = world(async () => undefined);
    await bake(request({}, false), around);
    await file('images/playbook.yml', '- hosts: none\n');
    expect(await bake(request({}, false), around)).toMatchObject({ outcome: 'already-baked' });
  });

  it('is baked again where its bundle is gone or spoilt, or belongs into another bucket by now', async () => {
    const around = world(async () => undefined);
    await bake(request({}, false), around);
    const readings: BundleReading[] = [{ kind: 'missing' }, { kind: 'found', sha256: 'f'.repeat(64) }];
    for (const reading of readings) {
      const bundles: Bundles = { look: () => Promise.resolve(reading) };
      expect(await bake(request({}, false), { ...around, bundles })).toMatchObject({ outcome: 'baked' });
    }
    const moved = request({ regionBuckets: { 'eu-west-3': 'releases-paris' } }, false);
    expect(await bake(moved, around)).toMatchObject({ outcome: 'baked' });
    expect(await bake(request({}, false), around)).toMatchObject({ outcome: 'already-baked' });
    expect(around.orders).toHaveLength(4);
  });

  it('touches nothing where Packer is missing', async () => {
    const missing = new BasculeError({ code: 'BASCULE_PACKER_MISSING', message: 'none', next: 'get it' });
    const around = world(() => Promise.reject(missing));
    await expect(bake(request(), around)).rejects.toBe(missing);
    expect(around.orders).toEqual([]);
  });

  it('names a template that is not there', async () => {
    await rm(path.join(folder, 'images', 'template.pkr.hcl'));
    await expect(bake(request(), world())).rejects.toMatchObject({
      code: 'BASCULE_RECIPE_MISSING',
      message: expect.stringContaining('template.pkr.hcl'),
    });
  });
});

describe('what a release says of itself', () => {
  it('hands on the schema of its release file', async () => {
    const around = world();
    await file('app/bascule.yaml', 'schema: { from: 4, to: 6 }\n');
    await bake(request(), around);
    expect(around.orders[0]).toMatchObject({ schema: '4-6' });
  });

  it('refuses a release file that is not right', async () => {
    await file('app/bascule.yaml', 'schema: { from: 6, to: 4 }\n');
    await expect(bake(request(), world())).rejects.toMatchObject({
      code: 'BASCULE_RELEASE_FILE',
      exitCode: 2,
    });
  });
});

describe('a container image', () => {
  const application = { kind: 'container', image: 'team/shop' };

  it('is baked without a folder, each version as another content', async () => {
    const around = world();
    await bake({ ...request({ application }), folder: undefined }, around);
    await bake({ ...request({ application }), folder: undefined, version: '2.0.1' }, around);
    const [one, other] = around.orders;
    expect(one?.contentSha256).not.toBe(other?.contentSha256);
  });

  it('is the only thing that is', async () => {
    await expect(bake({ ...request(), folder: undefined }, world())).rejects.toMatchObject({
      code: 'BASCULE_USAGE',
    });
  });
});
