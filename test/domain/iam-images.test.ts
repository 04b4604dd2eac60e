/** The policies of what belongs to no environment: baking images, and removing them. */
import { describe, expect, it } from 'vitest';
import { parseImage } from '../../src/domain/config';
import { POLICY_SIZES, policySize, type PolicyDocument } from '../../src/domain/iam/document';
import { policyFor } from '../../src/domain/iam/policy';
import { imageScope } from '../../src/domain/iam/scope';
import { allows } from '../support/iam-evaluation';

const ACCOUNT = '123456789012';
const HOME = 'eu-west-3';
const OTHER = 'eu-central-1';

function policy(use: 'bake' | 'prune', settings: object = {}): PolicyDocument {
  const base = { service: 'shop', bucket: 'acme-releases', regions: [HOME, OTHER] };
  const image = parseImage({ ...base, ...settings });
  if (!image.ok) throw new Error(JSON.stringify(image.problems));
  const state = { bucket: 'acme-state', prefix: '' };
  return policyFor({ use, scope: imageScope(image.config, { state, account: ACCOUNT }) });
}

const actionsOf = ({ Statement }: PolicyDocument): string[] => Statement.flatMap(({ Action }) => Action);
const arn = (type: string, region = HOME, account = ACCOUNT) => `arn:aws:ec2:${region}:${account}:${type}/1`;
const image = (region = HOME) => arn('image', region, '');
const snapshot = (region = HOME) => arn('snapshot', region, '');
const tagged = (tags: Record<string, string>) =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
const asked = (tags: Record<string, string>) =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]));

const BAKING = { 'bascule:baking': 'shop' };
const OTHERS = { 'bascule:baking': 'cart' };

describe('the policy for bake', () => {
  const packer = { builder: 'packer' };
  const keys = { [HOME]: `arn:aws:kms:${HOME}:${ACCOUNT}:key/1`, [OTHER]: 'alias/images' };
  const shared = { kmsKeys: keys, shareWith: ['222222222222'] };

  it('launches, shares and uses keys only where the configuration asks for it', () => {
    const plain = actionsOf(policy('bake'));
    for (const action of ['ec2:RunInstances', 'ec2:ModifyImageAttribute', 'kms:CreateGrant'])
      expect(plain).not.toContain(action);
    expect(plain).toContain('s3:PutObject');
    const untried = actionsOf(policy('bake', { ...packer, testBoot: { enabled: false } }));
    expect(untried).toContain('ec2:RunInstances');
    expect(untried).not.toContain('ec2:GetConsoleOutput');
    const all = actionsOf(policy('bake', { ...packer, ...shared }));
    expect(all).toEqual(expect.arrayContaining(['ec2:ModifyImageAttribute', 'kms:CreateGrant']));
  });

  it('needs no right to the bucket’s releases where Packer puts them on the image', () => {
    const releases = 'arn:aws:s3:::acme-releases/releases/shop/1/x';
    expect(allows(policy('bake'), { action: 's3:PutObject', resource: releases, context: {} })).toBe(true);
    const { Statement } = policy('bake', packer);
    expect(Statement.map(({ Sid }) => Sid)).not.toContain('KeepReleases');
  });

  it('keeps releases in the buckets of regions, too, and sees which of them are there', () => {
    const bake = policy('bake', { regionBuckets: { [OTHER]: 'acme-frankfurt' } });
    for (const action of ['s3:GetObject', 's3:PutObject'])
      expect(
        allows(bake, { action, resource: 'arn:aws:s3:::acme-frankfurt/releases/shop/1/x', context: {} }),
      ).toBe(true);
    expect(
      allows(bake, { action: 's3:ListBucket', resource: 'arn:aws:s3:::acme-frankfurt', context: {} }),
    ).toBe(true);
  });

  it.each(['ec2:DeregisterImage', 'ec2:DeleteSnapshot'])('may %s only of what is being baked', (action) => {
    const bake = policy('bake');
    for (const resource of [image(OTHER), snapshot()]) {
      expect(allows(bake, { action, resource, context: tagged(BAKING) })).toBe(true);
      expect(allows(bake, { action, resource, context: tagged(OTHERS) })).toBe(false);
      expect(allows(bake, { action, resource, context: tagged({ service: 'shop' }) })).toBe(false);
      expect(allows(bake, { action, resource, context: {} })).toBe(false);
    }
  });

  it('lets Packer remove what it has not tagged yet, and nothing that counts', () => {
    const bake = policy('bake', packer);
    const remove = (tags: Record<string, string>) =>
      allows(bake, { action: 'ec2:DeregisterImage', resource: image(), context: tagged(tags) });
    expect(remove({})).toBe(true);
    expect(remove(BAKING)).toBe(true);
    expect(remove({ service: 'cart' })).toBe(false);
    expect(remove(OTHERS)).toBe(false);
  });

  it('launches only what is tagged as being baked, in the home region, and ends nothing else', () => {
    const bake = policy('bake', packer);
    const launch = (region: string, tags: Record<string, string>) =>
      allows(bake, { action: 'ec2:RunInstances', resource: arn('instance', region), context: asked(tags) });
    expect(launch(HOME, BAKING)).toBe(true);
    expect(launch(HOME, {})).toBe(false);
    expect(launch(HOME, OTHERS)).toBe(false);
    expect(launch(OTHER, BAKING)).toBe(false);
    const end = (tags: Record<string, string>) =>
      allows(bake, { action: 'ec2:TerminateInstances', resource: arn('instance'), context: tagged(tags) });
    expect(end(BAKING)).toBe(true);
    expect(end({ service: 'shop', environment: 'production' })).toBe(false);
  });

  it('cannot tag what is another’s as its own, to remove it then', () => {
    const bake = policy('bake', packer);
    const tag = (resource: string, tags: Record<string, string>) =>
      allows(bake, { action: 'ec2:CreateTags', resource, context: { ...asked(BAKING), ...tagged(tags) } });
    expect(tag(image(), {})).toBe(true);
    expect(tag(image(), { service: 'cart' })).toBe(false);
    expect(tag(arn('instance'), { service: 'cart' })).toBe(false);
    expect(tag(arn('instance'), {})).toBe(false);
  });

  it('gives no instance a role', () => {
    expect(actionsOf(policy('bake', { ...packer, ...shared }))).not.toContain('iam:PassRole');
  });

  it('is for the keys that are configured, and grants them to AWS’s services alone', () => {
    const { Statement } = policy('bake', shared);
    const [use, grant] = Statement.filter(({ Action }) => Action.some((one) => one.startsWith('kms:')));
    // Of an alias nobody knows whose key it is.
    expect(use?.Resource).toEqual([keys[HOME], `arn:aws:kms:${OTHER}:${ACCOUNT}:key/*`]);
    expect(grant?.Condition).toEqual({ Bool: { 'kms:GrantIsForAWSResource': 'true' } });
  });

  it('is no longer than a managed policy may be, also with all of it', () => {
    expect(policySize(policy('bake', { ...packer, ...shared }))).toBeLessThanOrEqual(POLICY_SIZES.managed);
  });
});

describe('the policy for prune', () => {
  const prune = policy('prune');

  it('writes nothing but the end of the service’s own images and snapshots', () => {
    const writes = actionsOf(prune).filter((action) => !/:(Describe|Get|List)/.test(action));
    expect(writes).toEqual(['ec2:DeleteSnapshot', 'ec2:DeregisterImage']);
    for (const resource of [image(), snapshot(OTHER)])
      for (const action of writes) {
        expect(allows(prune, { action, resource, context: tagged({ service: 'shop' }) })).toBe(true);
        expect(allows(prune, { action, resource, context: tagged({ service: 'cart' }) })).toBe(false);
        expect(allows(prune, { action, resource, context: {} })).toBe(false);
      }
  });

  it('reads what every environment of the bucket needs', () => {
    const read = (resource: string) => allows(prune, { action: 's3:GetObject', resource, context: {} });
    expect(read('arn:aws:s3:::acme-releases/environments/staging/log/1.json')).toBe(true);
    expect(read('arn:aws:s3:::acme-state/.pulumi/stacks/bascule/staging.json')).toBe(true);
    expect(read('arn:aws:s3:::acme-releases/releases/shop/1/x')).toBe(false);
  });
});
