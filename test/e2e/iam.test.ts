/** The policies that `bascule iam` prints, against every call that the commands make. */
import { beforeAll, describe, expect, test } from 'vitest';
import { ENVIRONMENT, SERVICE } from '../support/e2e-project';
import { allows } from '../support/iam-evaluation';
import { permissionsOf, type Permission, type Place } from '../support/iam-permissions';
import { ACCOUNT, recordEverything, RECORDED, type Recorded, type Recording } from '../support/iam-story';

/** EC2 calls KMS in the caller's name, when it copies or launches what a key of the user's own encrypts. */
const KEYS = [
  'kms:CreateGrant',
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/**
 * Actions that no call in the sandbox asks for. The plugins there are not the official provider: what that one
 * calls beyond them is here, by its source; so is what AWS itself does in the caller's name.
 */
const BEYOND_THE_SANDBOX: Record<Recorded, string[]> = {
  preview: [],
  deploy: [
    // Auto Scaling makes its own role in an account in which it was never used.
    'iam:CreateServiceLinkedRole',
  ],
  approve: [],
  bake: KEYS,
  'bake by Packer': [
    // The sandbox's build machine has a key of its own.
    'ec2:CreateKeyPair',
    // Packer's documentation of the Amazon builders, "IAM Task or Instance Role": later Packers wait by it.
    'ec2:DescribeInstanceStatus',
    // The same: whether there is such a region, and whose the subnet is, where one is configured.
    'ec2:DescribeRegions',
    'ec2:DescribeSubnets',
    ...KEYS,
  ],
  prune: [],
  up: [
    // What an update of a fleet that was killed was changing is read anew before the fleet is removed.
    'autoscaling:DescribePolicies',
    // The provider's addresses, internal/service/ec2/ec2_eip.go.
    'ec2:DescribeAddressesAttribute',
    // Again what a killed update was changing.
    'ec2:DescribeLaunchTemplateVersions',
    'ec2:DescribeLaunchTemplates',
    // Load balancers and security groups wait for their interfaces to go: internal/service/elbv2/load_balancer.go.
    'ec2:DescribeNetworkInterfaces',
    // The provider's listeners, internal/service/elbv2/listener.go.
    'elasticloadbalancing:DescribeListenerAttributes',
    // Elastic Load Balancing makes its own role in an account in which it was never used.
    'iam:CreateServiceLinkedRole',
    // The provider's roles, the first of them before one is deleted: internal/service/iam/role.go.
    'iam:ListInstanceProfilesForRole',
    'iam:ListRolePolicies',
  ],
};

let recording: Recording;

beforeAll(async () => {
  recording = await recordEverything();
}, 1_200_000);

interface Asked extends Permission {
  by: string;
}

function askedFor(use: Recorded): Asked[] {
  const place: Place = {
    region: recording.region,
    account: ACCOUNT,
    role: `${SERVICE}-${ENVIRONMENT}-instances`,
    tags: recording.tags,
  };
  return recording.calls[use].flatMap((call) =>
    permissionsOf(call, place).map((one) => ({ ...one, by: call.label })),
  );
}

describe.each(RECORDED)('the policy for %s', (use) => {
  test('allows every call that its commands make, each on what it works on', () => {
    const asked = askedFor(use);
    expect(asked.length).toBeGreaterThan(0);
    const refused = asked.filter((one) => !allows(recording.policies[use], one));
    const lines = refused.map(({ by, action, resource, context }) =>
      [by, action, resource, JSON.stringify(context)].join('  '),
    );
    expect([...new Set(lines)]).toEqual([]);
  });

  test('has no action that none of them asks for, but those named here', () => {
    const asked = new Set(askedFor(use).map(({ action }) => action));
    const granted = new Set(recording.policies[use].Statement.flatMap(({ Action }) => Action));
    expect([...granted].filter((action) => !asked.has(action)).sort()).toEqual(BEYOND_THE_SANDBOX[use]);
  });
});

test('a preview writes nothing, by whichever call', () => {
  expect(recording.calls.preview.flatMap(({ write, label }) => (write ? [label] : []))).toEqual([]);
});
