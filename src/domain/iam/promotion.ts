/** What a promotion asks of the accounts of both environments. */
import { RELEASES_PREFIX } from '../config';
import { imageArns, ofTheService, removeImages, unlessOfAnother, useKeys } from './bake';
import type { Statement } from './document';
import { bucketArn, type EnvironmentScope } from './scope';
import { allow, names } from './shared';

/** With what deployments may do anyway: take images in, let others take them, or both in the midst of a chain. */
export function promoteImages(scope: EnvironmentScope): Statement[] {
  const { to, from } = scope.promotion;
  return [...(to ? takeIn(scope) : []), ...(from ? letOthersTake(scope) : [])];
}

function takeIn(scope: EnvironmentScope): Statement[] {
  const both = imageArns(scope);
  const ours = { StringEquals: { 'aws:RequestTag/service': scope.service } };
  return [
    allow('CopyImagesOfTheService', ['ec2:CopyImage'], both),
    allow('TagTheCopies', ['ec2:CreateTags'], both, unlessOfAnother(scope, ours)),
    // A copy that failed is made anew under the same name.
    ...removeImages(scope),
    ...useKeys({ kmsKeys: scope.promotion.kmsKeys, account: scope.account }),
    // The bundle that images of the builder `bundle` start from goes along with them.
    allow(
      'TakeReleasesIn',
      ['s3:PutObject'],
      [bucketArn(scope, scope.bucket, `${RELEASES_PREFIX}${scope.service}/*`)],
    ),
  ];
}

function letOthersTake(scope: EnvironmentScope): Statement[] {
  const actions = names('ec2', 'ModifyImageAttribute', 'ModifySnapshotAttribute');
  return [allow('LetOtherAccountsCopyImages', actions, imageArns(scope), ofTheService(scope))];
}
