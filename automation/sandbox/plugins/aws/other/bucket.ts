import type { s3 } from '@pulumi/aws';
import type { S3 } from '@aws-sdk/client-s3';
import { nameAtCreation } from '../../model/naming';
import { fromTagList, toTagList } from '../../model/tags';
import { awsType } from '../context';
import { codeOf, ifFound } from '../errors';
import { as, FLAG, REGION, TAGS } from '../specs';

/** DeleteObjects takes this many at a time. */
const BATCH = 1000;

export const bucket = awsType<s3.BucketArgs, s3.BucketState>({
  token: 'aws:s3/bucket:Bucket',
  naming: { property: 'bucket', prefixProperty: 'bucketPrefix', maxLength: 63, lowerCase: true },
  inputs: {
    bucket: {
      type: 'string',
      replace: true,
      computed: true,
      minLength: 3,
      maxLength: 63,
      pattern: [
        /^(?!xn--)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]*[a-z0-9]$/,
        'have only small letters, digits, dots and hyphens, and begin and end with a letter or digit',
      ],
      conflictsWith: ['bucketPrefix'],
    },
    bucketPrefix: { type: 'string', replace: true, computed: true, maxLength: 37 },
    forceDestroy: as(FLAG, { default: false }),
    objectLockEnabled: { type: 'boolean', replace: true, computed: true },
    region: REGION,
    tags: TAGS,
  },
  outputs: ['arn', 'bucketDomainName', 'bucketRegionalDomainName', 'bucketRegion', 'hostedZoneId'],
  async create(inputs, context) {
    const client = await context.s3();
    const Bucket = nameAtCreation(inputs.bucket, inputs.bucketPrefix, 63);
    // us-east-1 is the one region that S3 refuses to be told.
    const elsewhere = context.region !== 'us-east-1';
    await client.createBucket({
      Bucket,
      ...(inputs.objectLockEnabled ? { ObjectLockEnabledForBucket: true } : {}),
      ...(elsewhere
        ? { CreateBucketConfiguration: { LocationConstraint: context.region as 'eu-west-1' } }
        : {}),
    });
    context.created(Bucket);
    if (Object.keys(context.tags).length > 0) {
      await client.putBucketTagging({ Bucket, Tagging: { TagSet: toTagList(context.tags) } });
    }
    return Bucket;
  },
  async read(id, context) {
    const client = await context.s3();
    const found = await ifFound(client.headBucket({ Bucket: id }));
    if (!found) return undefined;
    const tagging = await ifFound(client.getBucketTagging({ Bucket: id }));
    return {
      arn: `arn:${context.partition}:s3:::${id}`,
      bucket: id,
      bucketDomainName: `${id}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${id}.s3.${context.region}.amazonaws.com`,
      bucketRegion: context.region,
      hostedZoneId: '',
      region: context.region,
      tagsAll: fromTagList(tagging?.TagSet),
    };
  },
  // forceDestroy concerns the deletion only, and is in the state without a call.
  async update() {},
  async retag(id, change, context) {
    const client = await context.s3();
    const TagSet = toTagList(change.all);
    if (TagSet.length === 0) await client.deleteBucketTagging({ Bucket: id });
    else await client.putBucketTagging({ Bucket: id, Tagging: { TagSet } });
  },
  async delete(id, state, context) {
    const client = await context.s3();
    if (state.forceDestroy) await ifFound(empty(id, client));
    try {
      await ifFound(client.deleteBucket({ Bucket: id }));
    } catch (thrown) {
      if (codeOf(thrown) !== 'BucketNotEmpty') throw thrown;
      throw new Error(`${id} is not empty; with forceDestroy its objects are deleted first`, {
        cause: thrown,
      });
    }
  },
});

/** Deletes every version of every object. */
async function empty(Bucket: string, client: S3): Promise<void> {
  for (;;) {
    const page = await client.listObjectVersions({ Bucket, MaxKeys: BATCH });
    const Objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(
      ({ Key = '', VersionId }) => ({
        Key,
        ...(VersionId === undefined ? {} : { VersionId }),
      }),
    );
    if (Objects.length === 0) return;
    const { Errors } = await client.deleteObjects({ Bucket, Delete: { Objects, Quiet: true } });
    const first = Errors?.[0];
    if (first)
      throw new Error(`${Bucket}/${first.Key ?? ''} cannot be deleted: ${first.Message ?? first.Code ?? ''}`);
  }
}
