import { z } from 'zod';
import { accessProblems, accessSchema } from './access';
import { problem } from './check';
import { bucketName, plainName, port, region, seconds, tags, urlPath } from './fields';
import type { ConfigProblem } from './problems';

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

const instanceType = z
  .string()
  .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'must be an instance type, for example t3.small')
  .default('t3.small');

const subnet = z
  .string()
  .regex(/^subnet-[0-9a-f]+$/, 'must be the id of a subnet')
  .optional();

/** A variable's name as Ansible and HCL both take it. */
const variableName = z
  .string()
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'must be letters, digits and underscores, no digit first');

const packer = z.strictObject({
  template: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Packer template (HCL2), relative to the project's folder. Default: Bascule's own `images/bascule.pkr.hcl`; another one declares the same variables.",
    ),
  playbook: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Ansible playbook, relative to the project's folder. Default: Bascule's own `images/playbook.yml`.",
    ),
  variables: z
    .record(variableName, z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))
    .default({})
    .describe(
      'Further variables of the template. They count for the content and stand in the stack: no secrets, which come as `PKR_VAR_<name>` from the environment.',
    ),
  ansibleVariables: z
    .record(variableName, z.unknown())
    .default({})
    .describe(
      "Further variables of the playbook and its roles; they go before Bascule's own defaults. No secrets here either.",
    ),
  instanceType: instanceType.describe('Type of the instance that the image is built on.'),
  subnet: subnet.describe(
    "Subnet in the first of `regions` that it is built in; SSH has to reach it from here. Default: one of the default VPC's.",
  ),
});

const application = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('archive').describe('The folder that `--app` names, unpacked and started by systemd.'),
  }),
  z.strictObject({
    kind: z.literal('container').describe('A container image, pulled when the machine image is made.'),
    image: z
      .string()
      .max(255)
      .regex(
        /^[a-z0-9]+([._-][a-z0-9]+)*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
        'must be the name of a container image, such as registry.example.com/team/shop',
      )
      .describe('The container image. Without a tag or a digest, the version that is baked is its tag.'),
  }),
]);

const testBoot = z.strictObject({
  enabled: z
    .boolean()
    .optional()
    .describe(
      'Whether an instance of the new image has to boot and answer before the image counts. Default: true for `packer`, false for `bundle`.',
    ),
  path: urlPath.default('/health').describe('What is asked of the application on its port, for a 2xx.'),
  timeoutSeconds: seconds(10, 3600).default(300).describe('How long it may take to answer.'),
  instanceType: instanceType.describe('Type of the instance.'),
  subnet: subnet.describe(
    "Subnet in the first of `regions`. It needs no way in. Default: one of the default VPC's.",
  ),
});

/** KMS key of a region; AWS's own aliases are refused where images are shared. */
export const kmsKey = z
  .string()
  .regex(
    /^(arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)\/[A-Za-z0-9/_-]+|alias\/[A-Za-z0-9/_-]+|[0-9a-f-]{36}|mrk-[0-9a-f]{32})$/,
    'must be the id, the ARN or the alias (alias/…) of a KMS key',
  );

/** How images are baked; `bascule:image` in `Pulumi.image.yaml`. */
export const imageSchema = z
  .strictObject({
    service: plainName.max(26).describe('Name of the service, as its environments write it.'),
    bucket: bucketName.describe('The S3 bucket that holds the releases.'),
    access: accessSchema
      .optional()
      .describe('How Bascule gets into the AWS account that images are baked in. Keys have no place here.'),
    regions: z
      .array(region)
      .min(1)
      .describe(
        'Regions that get an image: those of all environments. It is built in the first and copied to the others.',
      ),
    regionBuckets: z
      .record(region, bucketName)
      .default({})
      .describe(
        'Buckets by region that get a copy of the bundle, compared by its checksum, for the instances of that region; they exist. Name them in `fleet.releaseBuckets` of the environments too. Default: the instances of every region read `bucket`.',
      ),
    tags: tags.default({}).describe('Tags of every image, besides those that Bascule sets.'),
    baseImage: baseImage
      .prefault({})
      .describe(
        'The machine image that releases are put on: systemd is needed, and for `bundle` cloud-init and the AWS command line too.',
      ),
    builder: z
      .enum(['bundle', 'packer'])
      .default('bundle')
      .describe(
        '`packer`: everything is put on the image, by Packer and Ansible. `bundle`: a copy of the base image, on which an instance unpacks the release at its first boot.',
      ),
    packer: packer.prefault({}).describe('What the builder `packer` runs.'),
    application: application
      .default({ kind: 'archive' })
      .describe('What the builder `packer` puts on the image.'),
    port: port
      .default(8080)
      .describe('Port that the application listens on, as `targets.port` of its environments.'),
    logGroup: z
      .string()
      .max(512)
      .regex(/^[.\-_/#A-Za-z0-9]+$/, 'must be the name of a CloudWatch log group')
      .optional()
      .describe('CloudWatch log group that the application’s output is sent to. Default: none is.'),
    encrypted: z.boolean().default(true).describe('Whether the snapshots of the images are encrypted.'),
    kmsKeys: z
      .record(region, kmsKey)
      .default({})
      .describe("KMS key by region. Default: the account's own key for EBS, which cannot be shared."),
    shareWith: z
      .array(z.string().regex(/^\d{12}$/, 'must be the 12 digits of an account, in quotes'))
      .default([])
      .describe('Accounts that may launch the images.'),
    expiresAfterDays: z
      .int()
      .min(1)
      .max(3650)
      .optional()
      .describe('Days after which an image is tagged as expired (`bascule:expires`). Default: never.'),
    testBoot: testBoot.prefault({}).describe('The test of an image before it counts as baked.'),
  })
  .describe('How images of releases are baked.');

type ParsedImage = z.output<typeof imageSchema>;

export interface ImageConfig extends ParsedImage {
  testBoot: ParsedImage['testBoot'] & { enabled: boolean };
}

/** Defaults that depend on other fields. */
export function withImageDefaults(image: ParsedImage): ImageConfig {
  const enabled = image.testBoot.enabled ?? image.builder === 'packer';
  return { ...image, testBoot: { ...image.testBoot, enabled } };
}

/** What Bascule itself tells the Packer template. */
export const TEMPLATE_VARIABLES = [
  'region',
  'endpoint',
  'service',
  'version',
  'image_name',
  'base_image_name',
  'base_image_owner',
  'instance_type',
  'subnet_id',
  'encrypted',
  'kms_key_id',
  'image_tags',
  'baking_tags',
  'release_archive',
  'playbook',
  'ansible_variables_file',
] as const;

const RESERVED_TAGS = ['service', 'version', 'Name'];

/** Problems of fields that are sound in themselves and do not go together. */
export function imageProblems(image: ParsedImage): ConfigProblem[] {
  return [
    ...accessProblems(image.access, undefined),
    ...placeProblems(image),
    ...keyProblems(image),
    ...builderProblems(image),
    ...Object.keys(image.tags)
      .filter((key) => RESERVED_TAGS.includes(key) || /^(aws|bascule):/i.test(key))
      .map((key) =>
        problem(['tags', key], `is kept for Bascule and AWS (${RESERVED_TAGS.join(', ')}, bascule:*, aws:*)`),
      ),
  ];
}

function placeProblems({ regions, shareWith, regionBuckets, builder }: ParsedImage): ConfigProblem[] {
  const repeated = (list: readonly string[], key: string): ConfigProblem[] =>
    list.flatMap((one, index) =>
      list.indexOf(one) < index ? [problem([key, index], `${one} stands here twice`)] : [],
    );
  const bucketed = Object.keys(regionBuckets);
  return [
    ...repeated(regions, 'regions'),
    ...repeated(shareWith, 'shareWith'),
    ...bucketed
      .filter((one) => !regions.includes(one))
      .map((one) => problem(['regionBuckets', one], `is not one of regions: ${regions.join(', ')}`)),
    ...(builder === 'packer' && bucketed.length > 0
      ? [problem(['regionBuckets'], 'has no use with builder: packer, which puts the release on the image')]
      : []),
  ];
}

function keyProblems({ encrypted, kmsKeys, regions, shareWith }: ParsedImage): ConfigProblem[] {
  const keyed = Object.keys(kmsKeys);
  if (!encrypted && keyed.length > 0)
    return [problem(['kmsKeys'], 'has no use where encrypted is false: remove one of the two')];
  const strange = keyed
    .filter((one) => !regions.includes(one))
    .map((one) => problem(['kmsKeys', one], `is not one of regions: ${regions.join(', ')}`));
  const without = regions.filter((one) => !keyed.includes(one));
  if (!encrypted || shareWith.length === 0) return strange;
  // EC2 user guide, "Considerations for sharing AMIs": a snapshot under the AWS managed key cannot be shared.
  const missing =
    without.length === 0
      ? []
      : [
          problem(
            ['shareWith'],
            `needs a key of your own in kmsKeys for ${without.join(' and ')}: what AWS's own key encrypts cannot be shared; or set encrypted to false`,
          ),
        ];
  const aws = keyed
    .filter((one) => kmsKeys[one] === 'alias/aws/ebs')
    .map((one) => problem(['kmsKeys', one], "is AWS's own key, and what it encrypts cannot be shared"));
  return [...strange, ...missing, ...aws];
}

function builderProblems(image: ParsedImage): ConfigProblem[] {
  const { builder, application, packer: own } = image;
  const reserved: readonly string[] = TEMPLATE_VARIABLES;
  return [
    ...(builder === 'bundle' && application.kind === 'container'
      ? [problem(['application', 'kind'], 'container needs builder: packer; the builder is bundle')]
      : []),
    ...(builder === 'bundle' && image.testBoot.enabled === true
      ? [
          problem(
            ['testBoot', 'enabled'],
            'needs builder: packer; an image of the builder bundle has no release on it that could be tried out',
          ),
        ]
      : []),
    ...Object.keys(own.variables)
      .filter((name) => reserved.includes(name))
      .map((name) => problem(['packer', 'variables', name], 'is set by Bascule itself; choose another name')),
    ...Object.keys(own.ansibleVariables)
      .filter((name) => name.startsWith('bascule_') && RESERVED_ANSIBLE.includes(name))
      .map((name) =>
        problem(['packer', 'ansibleVariables', name], 'is set by Bascule itself; choose another name'),
      ),
  ];
}

/** What Bascule itself tells the playbook. */
const RESERVED_ANSIBLE: readonly string[] = [
  'bascule_service',
  'bascule_version',
  'bascule_port',
  'bascule_application',
  'bascule_container_image',
  'bascule_log_group',
  'bascule_release_archive',
  'bascule_root',
  'bascule_become',
];
