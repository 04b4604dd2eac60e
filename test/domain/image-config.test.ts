import { describe, expect, it } from 'vitest';
import { parseBake, parseImage } from '../../src/domain/config';

const ACCOUNT = '123456789012';
const KEY = 'arn:aws:kms:eu-west-3:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';

function image(change: Record<string, unknown> = {}) {
  return { service: 'shop', bucket: 'releases', regions: ['eu-west-3'], ...change };
}

function problemsOf(raw: unknown): string[] {
  const parsed = parseImage(raw);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the configuration of images', () => {
  it('bakes bundles unless Packer is asked for, and boots what Packer made', () => {
    expect(parseImage(image())).toMatchObject({
      ok: true,
      config: { builder: 'bundle', testBoot: { enabled: false }, encrypted: true, port: 8080 },
    });
    expect(parseImage(image({ builder: 'packer' }))).toMatchObject({
      ok: true,
      config: {
        testBoot: { enabled: true, path: '/health', timeoutSeconds: 300 },
        packer: { variables: {}, instanceType: 't3.small' },
        application: { kind: 'archive' },
      },
    });
    expect(parseImage(image({ builder: 'packer', testBoot: { enabled: false } }))).toMatchObject({
      ok: true,
      config: { testBoot: { enabled: false } },
    });
  });

  it('is the same when it is read again', () => {
    const parsed = parseImage(image({ builder: 'packer', regions: ['eu-west-3', 'us-east-1'] }));
    if (!parsed.ok) throw new Error('it is right');
    expect(parseImage(JSON.parse(JSON.stringify(parsed.config)))).toEqual(parsed);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a builder that there is not', { builder: 'docker' }, /^builder: /],
    [
      'an account with too few digits',
      { shareWith: ['12345'], encrypted: false },
      /^shareWith\.0: .*12 digits/,
    ],
    [
      'a key of a region without images',
      { kmsKeys: { 'us-east-1': KEY } },
      /^kmsKeys\.us-east-1: is not one of/,
    ],
    ['a key for nothing', { encrypted: false, kmsKeys: { 'eu-west-3': KEY } }, /^kmsKeys: has no use/],
    ['a key that is none', { kmsKeys: { 'eu-west-3': 'my key' } }, /^kmsKeys\.eu-west-3: .*KMS key/],
    [
      'a bucket of another region',
      { regionBuckets: { 'us-east-1': 'releases-us' } },
      /^regionBuckets\.us-east-1: is not one of/,
    ],
    [
      'a bucket for bundles that there are none of',
      { builder: 'packer', regionBuckets: { 'eu-west-3': 'releases-eu' } },
      /^regionBuckets: has no use with builder: packer/,
    ],
    ['a region twice', { regions: ['eu-west-3', 'eu-west-3'] }, /^regions\.1: eu-west-3 stands here twice/],
    ['a tag of Bascule', { tags: { version: '1' } }, /^tags\.version: is kept for Bascule/],
    [
      'a test of what is not on the image',
      { testBoot: { enabled: true } },
      /^testBoot\.enabled: needs builder/,
    ],
    [
      'a container without Packer',
      { application: { kind: 'container', image: 'team/shop' } },
      /^application\.kind: container needs builder: packer/,
    ],
    [
      'a variable of Bascule',
      { builder: 'packer', packer: { variables: { image_name: 'x' } } },
      /^packer\.variables\.image_name: is set by Bascule/,
    ],
    [
      'a variable of the playbook that Bascule sets',
      { builder: 'packer', packer: { ansibleVariables: { bascule_version: '1' } } },
      /^packer\.ansibleVariables\.bascule_version: is set by Bascule/,
    ],
  ])('refuses %s', (_, change, message) => {
    expect(problemsOf(image(change))).toEqual([expect.stringMatching(message)]);
  });

  it('shares encrypted images only where each region has a key of the account', () => {
    const regions = ['eu-west-3', 'us-east-1'];
    const shareWith = [ACCOUNT];
    expect(problemsOf(image({ regions, shareWith, kmsKeys: { 'eu-west-3': KEY } }))).toEqual([
      expect.stringMatching(/^shareWith: needs a key of your own in kmsKeys for us-east-1: /),
    ]);
    expect(problemsOf(image({ shareWith, kmsKeys: { 'eu-west-3': 'alias/aws/ebs' } }))).toEqual([
      expect.stringMatching(/^kmsKeys\.eu-west-3: is AWS's own key/),
    ]);
    const kmsKeys = { 'eu-west-3': KEY, 'us-east-1': 'alias/images' };
    expect(problemsOf(image({ regions, shareWith, kmsKeys }))).toEqual([]);
    expect(problemsOf(image({ shareWith, encrypted: false }))).toEqual([]);
  });

  it('takes a container image with a registry, a port, a tag or a digest', () => {
    for (const name of [
      'nginx',
      'team/shop',
      'localhost:5000/shop',
      'r.example.com/a/b:1.2',
      `a/b@sha256:${'0'.repeat(64)}`,
    ])
      expect(
        problemsOf(image({ builder: 'packer', application: { kind: 'container', image: name } })),
      ).toEqual([]);
    expect(
      problemsOf(image({ builder: 'packer', application: { kind: 'container', image: 'Team Shop' } })),
    ).toEqual([expect.stringMatching(/^application\.image: .*must be the name of a container image/)]);
  });

  it('reads what the bake command asks for', () => {
    const sums = { sha256: 'a'.repeat(64), contentSha256: 'b'.repeat(64) };
    const order = {
      version: '1',
      bundleFile: '/x.tar.gz',
      ...sums,
      id: '1-2',
      madeBy: 'packer 1.6.6',
      schema: '4-6',
    };
    expect(parseBake(order)).toEqual({ ok: true, config: order });
    expect(parseBake({ ...order, schema: 'four' })).toMatchObject({ ok: false });
  });
});
