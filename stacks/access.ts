import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import { partitionOf, RELEASES_PREFIX } from '../src/domain/config';
import { tagsOf, type Scope } from './settings';

/**
 * The name of the instance profile of an environment's instances: the configured one, or one made here that
 * may be managed by Systems Manager and read releases. IAM is global, so one serves all regions.
 */
export function instanceProfileName(scope: Scope): pulumi.Output<string> {
  const { config, environment, provider } = scope;
  if (config.fleet.instanceProfile !== undefined) return pulumi.output(config.fleet.instanceProfile);
  const partition = partitionOf(config.regions[0] ?? '');
  const name = `${config.service}-${environment}-instances`;
  const role = new aws.iam.Role(
    'instances',
    {
      name,
      description: `Instances of ${config.service} ${environment} (Bascule)`,
      assumeRolePolicy: policy('sts:AssumeRole', {
        Principal: { Service: partition === 'aws-cn' ? 'ec2.amazonaws.com.cn' : 'ec2.amazonaws.com' },
      }),
      tags: tagsOf(scope, name),
    },
    { provider },
  );
  const management = new aws.iam.RolePolicyAttachment(
    'systems-manager',
    { role: role.name, policyArn: `arn:${partition}:iam::aws:policy/AmazonSSMManagedInstanceCore` },
    { provider },
  );
  const buckets = [...new Set([config.bucket, ...config.fleet.releaseBuckets])];
  const releases = buckets.map((bucket) => `arn:${partition}:s3:::${bucket}/${RELEASES_PREFIX}*`);
  const reading = new aws.iam.RolePolicy(
    'releases',
    {
      name: 'read-releases',
      role: role.name,
      policy: policy('s3:GetObject', {
        Resource: releases.length === 1 ? releases[0] : releases,
      }),
    },
    { provider },
  );
  const profile = new aws.iam.InstanceProfile(
    'instances',
    { name, role: role.name, tags: tagsOf(scope, name) },
    { provider },
  );
  // A fleet that takes the name from here starts only when its instances can fetch their release.
  return pulumi.all([profile.name, management.id, reading.id]).apply(([profileName]) => profileName);
}

function policy(action: string, rest: object): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, ...rest }],
  });
}
