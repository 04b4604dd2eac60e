/** What it takes to make the images of releases, and to remove them. */
import { BAKING_TAG } from '../bake-order';
import type { Condition, Statement } from './document';
import { arns, keyArns, publicArns, releaseArns, type ImageScope, type ServiceScope } from './scope';
import { allow, names } from './shared';

/** What a bake asks of everything that another one may have left. */
export const LEFTOVERS = names(
  'ec2',
  'DescribeImages',
  'DescribeInstances',
  'DescribeKeyPairs',
  'DescribeSecurityGroups',
  'DescribeSnapshots',
  'DescribeVolumes',
);

/** What is tagged as the service's that is being baked. */
function ofTheBake({ service }: ServiceScope): Condition {
  return { StringEquals: { [`aws:ResourceTag/${BAKING_TAG}`]: service } };
}

function taggedAsBaking({ service }: ServiceScope): Condition {
  return { StringEquals: { [`aws:RequestTag/${BAKING_TAG}`]: service } };
}

/** What has no service yet, or this one: who could tag another's as being baked here could remove it then. */
export function unlessOfAnother({ service }: ServiceScope, condition: Condition): Condition {
  return { ...condition, StringEqualsIfExists: { 'aws:ResourceTag/service': service } };
}

/** Images and snapshots: all of EC2's whose ARN names no account (AWS Service Authorization Reference). */
export function imageArns(scope: ServiceScope): string[] {
  return publicArns(scope, '*');
}

export function ofTheService({ service }: ServiceScope): Condition {
  return { StringEquals: { 'aws:ResourceTag/service': service } };
}

/**
 * Whose an image is shows its tags, which it gets last: what has none yet may be tagged, and what is the
 * service's, but no other service's image.
 */
export function bakeImages(scope: ImageScope): Statement[] {
  const { service } = scope;
  const both = imageArns(scope);
  return [
    allow('CopyImages', ['ec2:CopyImage'], both),
    allow('TagThemAsUnfinished', ['ec2:CreateTags'], both, unlessOfAnother(scope, taggedAsBaking(scope))),
    allow(
      'TagImagesOfTheService',
      ['ec2:CreateTags'],
      both,
      unlessOfAnother(scope, { StringEquals: { 'aws:RequestTag/service': service } }),
    ),
    allow('TakeTheTagOfTheBakeOff', ['ec2:DeleteTags'], both, ofTheService(scope)),
    allow('RemoveWhatABakeLeft', names('ec2', 'DeleteSnapshot', 'DeregisterImage'), both, ofTheBake(scope)),
    ...share(scope),
    ...useKeys(scope),
  ];
}

/** Instances of the builder `bundle` get the release from the bucket; on those of Packer it is. */
export function keepReleases(scope: ImageScope): Statement[] {
  if (scope.builder !== 'bundle') return [];
  return [allow('KeepReleases', ['s3:GetObject', 's3:PutObject'], releaseArns(scope))];
}

/** With other accounts: while they are baked, and once more when one of their regions is made up for. */
function share(scope: ImageScope): Statement[] {
  if (!scope.shares) return [];
  const actions = names('ec2', 'ModifyImageAttribute', 'ModifySnapshotAttribute');
  const both = imageArns(scope);
  return [
    allow('ShareImages', actions, both, ofTheBake(scope)),
    allow('ShareImagesOfTheService', actions, both, ofTheService(scope)),
  ];
}

/**
 * Keys of the user's own (Amazon EBS user guide, "Requirements for Amazon EBS encryption": permissions for IAM users).
 * AWS's own key for EBS asks for nothing.
 */
export function useKeys(scope: Pick<ImageScope, 'kmsKeys' | 'account'>): Statement[] {
  const keys = keyArns(scope);
  if (keys.length === 0) return [];
  const actions = [
    'Decrypt',
    'DescribeKey',
    'GenerateDataKeyWithoutPlaintext',
    'ReEncryptFrom',
    'ReEncryptTo',
  ];
  return [
    allow('EncryptWithTheKeys', names('kms', ...actions), keys),
    allow('LetEc2UseTheKeys', ['kms:CreateGrant'], keys, { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
  ];
}

/** Instances on which Packer builds, and on which its image is tried out, in the home region. */
export function bakeInstances(scope: ImageScope): Statement[] {
  if (scope.builder !== 'packer') return [];
  const home = { ...scope, regions: scope.regions.slice(0, 1) };
  const made = arns(home, 'ec2', 'instance/*', 'volume/*');
  const around = ['key-pair/*', 'network-interface/*', 'security-group/*', 'subnet/*'];
  return [
    allow('LaunchInstancesOfTheBake', ['ec2:RunInstances'], made, taggedAsBaking(scope)),
    // The base image is somebody else's; the image that is tried out is still untagged as the service's.
    allow('LaunchThemFromImages', ['ec2:RunInstances'], publicArns(home, 'image/*')),
    allow('LaunchThemIntoSubnets', ['ec2:RunInstances'], arns(home, 'ec2', ...around)),
    allow('TagWhatIsMade', ['ec2:CreateTags'], arns(home, 'ec2', '*'), {
      StringEquals: { 'ec2:CreateAction': ['CreateKeyPair', 'CreateSecurityGroup', 'RunInstances'] },
    }),
    allow(
      'EndWhatIsOfTheBake',
      names('ec2', 'TerminateInstances', ...(scope.testBoot ? ['GetConsoleOutput'] : [])),
      arns(home, 'ec2', 'instance/*'),
      ofTheBake(scope),
    ),
    ...runPacker(scope, home),
  ];
}

/**
 * What Packer itself calls for an image (its documentation, "IAM Task or Instance Role" of the Amazon builders, less
 * what no template of Bascule's asks of it). It tags its key pair, its group and the image that it encrypts a copy of
 * later than it makes them, or never: what has no tag yet is its own to change, and no other service's.
 */
function runPacker(scope: ImageScope, home: ServiceScope): Statement[] {
  const { service } = scope;
  const images = imageArns(home);
  const groups = arns(home, 'ec2', 'security-group/*');
  const keys = arns(home, 'ec2', 'key-pair/packer_*');
  const ours = ofTheBake(scope);
  const oursOnceTagged = { StringEqualsIfExists: { [`aws:ResourceTag/${BAKING_TAG}`]: service } };
  const untagged = {
    StringEqualsIfExists: { ...oursOnceTagged.StringEqualsIfExists, 'aws:ResourceTag/service': service },
  };
  return [
    allow('GiveItAWayIn', names('ec2', 'CreateKeyPair', 'CreateSecurityGroup', 'DeleteKeyPair'), [
      ...keys,
      ...groups,
      ...arns(home, 'ec2', 'vpc/*'),
    ]),
    allow(
      'TagItOnceMade',
      ['ec2:CreateTags'],
      [...keys, ...groups],
      unlessOfAnother(scope, taggedAsBaking(scope)),
    ),
    allow(
      'OpenAndRemoveItsGroup',
      names('ec2', 'AuthorizeSecurityGroupIngress', 'DeleteSecurityGroup'),
      [...groups, ...arns(home, 'ec2', 'security-group-rule/*')],
      oursOnceTagged,
    ),
    allow('RemoveItsKey', ['ec2:DeleteKeyPair'], arns(home, 'ec2', 'key-pair/*'), ours),
    allow(
      'MakeTheImage',
      names('ec2', 'CreateImage', 'DeleteVolume', 'StopInstances'),
      arns(home, 'ec2', 'instance/*', 'volume/*'),
      ours,
    ),
    allow('KeepTheImage', names('ec2', 'CreateImage', 'DeleteSnapshot', 'DeregisterImage'), images, untagged),
  ];
}

/** `bascule images prune`: only what has the service's tag, as every image and snapshot of a bake has. */
export function removeImages(scope: ServiceScope): Statement[] {
  return [
    allow(
      'RemoveImagesOfTheService',
      names('ec2', 'DeleteSnapshot', 'DeregisterImage'),
      imageArns(scope),
      ofTheService(scope),
    ),
  ];
}
