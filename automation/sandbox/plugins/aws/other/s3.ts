import type { s3 } from '@pulumi/aws';
import { awsType, type AwsContext } from '../context';
import { ifFound } from '../errors';
import { as, FLAG, REGION, STRING } from '../specs';

const BUCKET = as(STRING, { required: true, replace: true });

export const bucketVersioning = awsType<s3.BucketVersioningArgs, s3.BucketVersioningState>({
  token: 'aws:s3/bucketVersioning:BucketVersioning',
  inputs: {
    bucket: BUCKET,
    versioningConfiguration: {
      type: 'object',
      required: true,
      fields: {
        status: { type: 'string', required: true, oneOf: ['Enabled', 'Suspended', 'Disabled'] },
        mfaDelete: { type: 'string', oneOf: ['Enabled', 'Disabled'], computed: true },
      },
    },
    region: REGION,
  },
  outputs: [],
  async create(inputs, context) {
    const { status } = inputs.versioningConfiguration;
    if (status !== 'Disabled') await put(inputs.bucket, status, context);
    return inputs.bucket;
  },
  async read(id, context) {
    const found = await ifFound((await context.s3()).getBucketVersioning({ Bucket: id }));
    if (!found) return undefined;
    return {
      bucket: id,
      versioningConfiguration: {
        status: found.Status ?? 'Disabled',
        mfaDelete: found.MFADelete ?? 'Disabled',
      },
      region: context.region,
    };
  },
  async update(id, update, context) {
    const { status } = update.new.versioningConfiguration;
    // S3 cannot go back to never having had versions.
    if (status === 'Disabled') throw new Error(`${id}: versioning that was enabled can only be suspended`);
    await put(id, status, context);
  },
  async delete(id, state, context) {
    if (state.versioningConfiguration?.status !== 'Enabled') return;
    await ifFound(put(id, 'Suspended', context));
  },
});

async function put(Bucket: string, status: string, context: AwsContext): Promise<void> {
  const Status = status === 'Enabled' ? 'Enabled' : 'Suspended';
  await (await context.s3()).putBucketVersioning({ Bucket, VersioningConfiguration: { Status } });
}

const SWITCHES = {
  blockPublicAcls: 'BlockPublicAcls',
  blockPublicPolicy: 'BlockPublicPolicy',
  ignorePublicAcls: 'IgnorePublicAcls',
  restrictPublicBuckets: 'RestrictPublicBuckets',
} as const;
type Switch = keyof typeof SWITCHES;
const SWITCH_NAMES = Object.keys(SWITCHES) as Switch[];

export const bucketPublicAccessBlock = awsType<
  s3.BucketPublicAccessBlockArgs,
  s3.BucketPublicAccessBlockState
>({
  token: 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock',
  inputs: {
    bucket: BUCKET,
    blockPublicAcls: as(FLAG, { default: false }),
    blockPublicPolicy: as(FLAG, { default: false }),
    ignorePublicAcls: as(FLAG, { default: false }),
    restrictPublicBuckets: as(FLAG, { default: false }),
    skipDestroy: FLAG,
    region: REGION,
  },
  outputs: [],
  async create(inputs, context) {
    const PublicAccessBlockConfiguration = settings(inputs);
    await (
      await context.s3()
    ).putPublicAccessBlock({ Bucket: inputs.bucket, PublicAccessBlockConfiguration });
    return inputs.bucket;
  },
  async read(id, context) {
    const found = await ifFound((await context.s3()).getPublicAccessBlock({ Bucket: id }));
    const facts = found?.PublicAccessBlockConfiguration;
    if (!facts) return undefined;
    const switches = SWITCH_NAMES.map((name) => [name, facts[SWITCHES[name]] ?? false] as const);
    return {
      bucket: id,
      ...(Object.fromEntries(switches) as Record<Switch, boolean>),
      region: context.region,
    };
  },
  async update(id, update, context) {
    const PublicAccessBlockConfiguration = settings(update.new);
    await (await context.s3()).putPublicAccessBlock({ Bucket: id, PublicAccessBlockConfiguration });
  },
  async delete(id, state, context) {
    if (state.skipDestroy) return;
    await ifFound((await context.s3()).deletePublicAccessBlock({ Bucket: id }));
  },
});

function settings(inputs: Partial<Record<Switch, boolean | undefined>>): Record<string, boolean> {
  return Object.fromEntries(SWITCH_NAMES.map((name) => [SWITCHES[name], inputs[name] ?? false]));
}
