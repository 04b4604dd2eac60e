import { z } from 'zod';
import { bucketName, cidr, port, seconds } from './fields';

const rootVolume = z.strictObject({
  sizeGib: z
    .int()
    .min(1)
    .max(16384)
    .optional()
    .describe("Size in GiB. Default: the image's own size, which it must not be below."),
  kind: z.enum(['gp3', 'gp2']).default('gp3').describe('EBS volume type.'),
  kmsKeyId: z
    .string()
    .min(1)
    .optional()
    .describe(
      "KMS key (id, ARN or alias) to encrypt with. Default: the account's EBS key. Volumes are always encrypted.",
    ),
});

const egressRule = z.strictObject({
  cidr: cidr.describe('Where to, as an IPv4 CIDR block.'),
  protocol: z.enum(['tcp', 'udp', 'any']).default('tcp').describe('`any` goes without ports.'),
  port: port.optional().describe('Port, or the first of a range. Required with tcp and udp.'),
  toPort: port.optional().describe('Last port of a range. Default: `port`.'),
});

const targetTracking = z.strictObject({
  metric: z
    .enum(['cpu', 'requests-per-target'])
    .describe(
      '`cpu`: average CPU of the fleet in per cent. `requests-per-target`: requests per instance and minute.',
    ),
  target: z.number().positive().describe('The value Auto Scaling holds the metric at.'),
});

export const fleetSchema = z.strictObject({
  instanceTypes: z
    .array(z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'must be an instance type such as t3.small'))
    .min(1)
    .max(40)
    .refine((types) => new Set(types).size === types.length, 'names the same type twice')
    .describe(
      'Instance types, the preferred one first; with several, Auto Scaling takes the next when one cannot be had. All of the same architecture as the image.',
    ),
  minimum: z.int().min(1).max(1000).describe('Least instances of the live fleet.'),
  maximum: z.int().min(1).max(1000).describe('Most instances of a fleet.'),
  desired: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Instances of a first deployment; later ones start with what the live fleet has at that moment. Default: `minimum`.',
    ),
  healthGraceSeconds: seconds(0, 7200)
    .default(300)
    .describe(
      'Seconds after launch before a failed health check gets an instance replaced; longer than the application takes to start. AWS default is 0 where an API is used, which kills slow starters.',
    ),
  imageOwners: z
    .array(z.string().regex(/^(self|\d{12})$/, "must be 'self' or the 12 digits of an AWS account"))
    .min(1)
    .default(['self'])
    .describe(
      "Accounts whose images are considered, `self` for the environment's own. AWS shows tags only to the account that made them: an image that another account shares has to be tagged `service` and `version` in this account too.",
    ),
  rootVolume: rootVolume.prefault({}).describe('The root volume of each instance.'),
  instanceProfile: z
    .string()
    .regex(/^[\w+=,.@-]{1,128}$/, 'must be the name of an instance profile, not its ARN')
    .optional()
    .describe(
      "Name of an existing IAM instance profile. Default: one is made that may use Systems Manager (AmazonSSMManagedInstanceCore) and read the bucket's `releases/`, no more.",
    ),
  releaseBuckets: z
    .array(bucketName)
    .default([])
    .describe(
      'Further buckets whose `releases/` the instance profile that is made here, and those who deploy, may read: those of `regionBuckets` in `Pulumi.image.yaml`.',
    ),
  userData: z
    .string()
    .max(12288)
    .optional()
    .describe(
      'A script to run at first boot, before the application starts; /bin/sh unless its first line says otherwise. It can be read by everyone who may describe the launch template: no secrets.',
    ),
  environment: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable'),
      z.string(),
    )
    .default({})
    .describe(
      'Environment variables of the application, values in quotes. Can be read by everyone who may describe the launch template: put the names of secrets here, not secrets. `PORT` and `BASCULE_*` are set by Bascule.',
    ),
  targetTracking: targetTracking
    .optional()
    .describe('Scaling by load. Default: none, the fleet keeps its size.'),
  detailedMonitoring: z
    .boolean()
    .default(false)
    .describe('Whether instances report their metrics every minute instead of every five; billed by AWS.'),
  metadataHopLimit: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'Hops an answer of the instance metadata service may take; 2 when the application runs in a container. IMDSv2 is always required.',
    ),
  egress: z
    .array(egressRule)
    .default([{ cidr: '0.0.0.0/0', protocol: 'tcp', port: 443 }])
    .describe(
      "What instances may connect to. Default: HTTPS anywhere, which Systems Manager, S3 and package sources need; name the database here. `[]` for nothing. The VPC's own DNS and time service are always reachable.",
    ),
});

export type FleetSettings = z.output<typeof fleetSchema>;
export type EgressRule = z.output<typeof egressRule>;
