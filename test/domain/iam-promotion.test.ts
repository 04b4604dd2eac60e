import { describe, expect, it } from 'vitest';
import { parseEnvironment } from '../../src/domain/config';
import { POLICY_SIZES, policySize } from '../../src/domain/iam/document';
import { policyFor } from '../../src/domain/iam/policy';
import { environmentScope } from '../../src/domain/iam/scope';
import { environment } from '../support/config';
import { allows } from '../support/iam-evaluation';

const IMAGE = 'arn:aws:ec2:eu-west-3::image/ami-0123456789abcdef0';
const SNAPSHOT = 'arn:aws:ec2:eu-west-3::snapshot/snap-0123456789abcdef0';
const BUNDLE = 'arn:aws:s3:::acme-releases/releases/shop/2.0.0/x.tar.gz';

function policy({ takes, goesOn }: { takes: boolean; goesOn: boolean }) {
  const raw = environment((config) => {
    if (takes) config['promotion'] = { from: 'staging' };
  });
  const parsed = parseEnvironment('production', raw);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const scope = environmentScope('production', parsed.config, {
    state: null,
    account: '123456789012',
    goesOn,
  });
  return policyFor({ use: 'deploy', scope });
}

const asked = (action: string, resource: string, context: Record<string, string> = {}) => ({
  action,
  resource,
  context,
});
const ours = { 'aws:ResourceTag/service': 'shop' };
const tagging = { 'aws:RequestTag/service': 'shop' };

describe('the policy for deploy', () => {
  const alone = policy({ takes: false, goesOn: false });
  const last = policy({ takes: true, goesOn: false });
  const first = policy({ takes: false, goesOn: true });

  it.each([
    ['copies images', asked('ec2:CopyImage', IMAGE), [false, true, false]],
    ['tags the copies as the service’s', asked('ec2:CreateTags', SNAPSHOT, tagging), [false, true, false]],
    [
      'tags no other service’s images',
      asked('ec2:CreateTags', IMAGE, { ...tagging, 'aws:ResourceTag/service': 'cart' }),
      [false, false, false],
    ],
    ['takes bundles in', asked('s3:PutObject', BUNDLE), [false, true, false]],
    ['shares images of the service', asked('ec2:ModifyImageAttribute', IMAGE, ours), [false, false, true]],
    ['and their snapshots', asked('ec2:ModifySnapshotAttribute', SNAPSHOT, ours), [false, false, true]],
    [
      'shares no other service’s',
      asked('ec2:ModifyImageAttribute', IMAGE, { 'aws:ResourceTag/service': 'cart' }),
      [false, false, false],
    ],
    ['reads bundles', asked('s3:GetObject', BUNDLE), [true, true, true]],
  ])('%s where the chain of environments asks for it: %j', (_what, permission, allowed) => {
    expect([alone, last, first].map((one) => allows(one, permission))).toEqual(allowed);
  });

  it('is no longer than a managed policy may be in the midst of a chain', () => {
    expect(policySize(policy({ takes: true, goesOn: true }))).toBeLessThanOrEqual(POLICY_SIZES.managed);
  });
});
