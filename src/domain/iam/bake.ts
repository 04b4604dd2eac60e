/** What it takes to make the images of releases. */
import type { Statement } from './document';
import { publicArns, releasesArn, type ServiceScope } from './scope';
import { allow } from './shared';

/**
 * Whose an image is shows its tags, which it gets last: what has none yet may be tagged, and what is the
 * service's, but no other service's image.
 */
export function bakeImages(scope: ServiceScope): Statement[] {
  const { service } = scope;
  const images = publicArns(scope, 'image/*');
  return [
    allow('KeepReleases', ['s3:GetObject', 's3:PutObject'], [releasesArn(scope)]),
    allow('CopyTheBaseImage', ['ec2:CopyImage'], [...images, ...publicArns(scope, 'snapshot/*')]),
    allow('TagImagesOfTheService', ['ec2:CreateTags'], images, {
      StringEquals: { 'aws:RequestTag/service': service },
      StringEqualsIfExists: { 'aws:ResourceTag/service': service },
    }),
  ];
}
