import { isProps, isTrue, objectsIn, UNKNOWN, type Member, type Rule, type StackRule } from './rule';

const COPY = 'aws:ec2/amiCopy:AmiCopy';
const IMAGE = 'aws:ec2/ami:Ami';
const SNAPSHOT_COPY = 'aws:ebs/snapshotCopy:SnapshotCopy';

/** An instance of an image in the clear can be encrypted; what was copied of it to another region cannot be any more. */
export const encryptedImages: Rule = {
  name: 'encrypted-images',
  description: 'Copies of images and snapshots are encrypted.',
  severity: 'high',
  types: [COPY, SNAPSHOT_COPY, IMAGE],
  check({ type, props }) {
    if (type !== IMAGE) return isTrue(props['encrypted']) ? [] : ['encrypted must be true'];
    return objectsIn(props, 'ebsBlockDevices').flatMap(({ encrypted, snapshotId }, at) =>
      // A device that is made of a snapshot is what the snapshot is.
      isTrue(encrypted) || snapshotId !== undefined ? [] : [`ebsBlockDevices[${at}].encrypted must be true`],
    );
  },
};

const BUCKETS = ['aws:s3/bucket:Bucket', 'aws:s3/bucketV2:BucketV2'];
const ENCRYPTIONS = [
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  'aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2',
];

/** Amazon S3 user guide, "Protecting data with encryption": SSE-S3 is the default; which key it is, a stack says. */
export const encryptedBuckets: StackRule = {
  name: 'encrypted-buckets',
  description: 'A bucket of a stack says with which key its objects are encrypted.',
  severity: 'medium',
  checkAll(members) {
    const encryptions = members.filter(({ type }) => ENCRYPTIONS.includes(type));
    return members
      .filter(({ type }) => BUCKETS.includes(type))
      .filter((bucket) => !saysSo(bucket) && !encryptions.some((one) => isOf(one, bucket)))
      .map(({ urn }) => ({
        urn,
        message:
          'a BucketServerSideEncryptionConfiguration of this bucket must say the key (AES256 or aws:kms)',
      }));
  },
};

function saysSo({ props }: Member): boolean {
  for (const name of ['serverSideEncryptionConfiguration', 'serverSideEncryptionConfigurations']) {
    const value = props[name];
    if (value === UNKNOWN || isProps(value) || (Array.isArray(value) && value.length > 0)) return true;
  }
  return false;
}

function isOf({ props, sources }: Member, bucket: Member): boolean {
  const names = [bucket.props['bucket'], bucket.props['id']].filter((name) => typeof name === 'string');
  return sources['bucket']?.includes(bucket.urn) === true || names.includes(props['bucket'] as string);
}
