import { z } from 'zod';
import { bucketName, plainName, region, tags, version } from './fields';

/** What the driver decides for a fleet; `bascule:fleet` in the fleet stack's configuration. */
export const fleetStackSchema = z.strictObject({
  version: version.describe('The release the fleet runs.'),
  minimum: z.int().min(0).max(1000).describe('Least instances; pinned during a deployment, 0 when retired.'),
  maximum: z.int().min(0).max(1000).describe('Most instances.'),
  desired: z
    .int()
    .min(0)
    .max(1000)
    .describe('Instances when the fleet is created; later it is Auto Scaling that knows.'),
  allowLiveChange: version
    .optional()
    .describe(
      'Written by hand, and only to insist: the same release as `version`. With it a plain `pulumi up` changes or scales down this fleet although it is live, or the only healthy one, and the fleet is no longer protected from `pulumi destroy`. The next deployment removes it.',
    ),
});

export type FleetStackConfig = z.output<typeof fleetStackSchema>;

const baseImage = z.strictObject({
  owner: z
    .string()
    .regex(/^(amazon|self|\d{12})$/, "must be 'amazon', 'self' or the 12 digits of an account")
    .default('amazon')
    .describe('Account that owns the base image.'),
  name: z
    .string()
    .min(3)
    .max(128)
    .default('al2023-ami-2023.*-kernel-*-x86_64')
    .describe('Name of the base image, `*` and `?` as wildcards; the most recent that fits is taken.'),
});

/** How images are baked; `bascule:image` in `Pulumi.image.yaml`. */
export const imageSchema = z
  .strictObject({
    service: plainName.max(26).describe('Name of the service, as its environments write it.'),
    bucket: bucketName.describe('The S3 bucket that holds the releases.'),
    regions: z.array(region).min(1).describe('Regions that get an image: those of all environments.'),
    tags: tags.default({}).describe('Tags of every image, besides those that Bascule sets.'),
    baseImage: baseImage
      .prefault({})
      .describe(
        'The machine image that releases are put on: cloud-init, systemd and the AWS command line are needed.',
      ),
  })
  .describe('How images of releases are baked.');

export type ImageConfig = z.output<typeof imageSchema>;

/** What the bake command asks of the image stack; `bascule:bake`. */
export const bakeSchema = z.strictObject({
  version: version.describe('The version to bake.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 sum in hexadecimal')
    .describe("The bundle's checksum."),
  contentSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 sum in hexadecimal')
    .describe(
      'Checksum over names, modes and contents of the packed folder; tells a version from its changed twin.',
    ),
  bundleFile: z.string().min(1).describe('The bundle (.tar.gz) on this machine.'),
});

export type BakeConfig = z.output<typeof bakeSchema>;
