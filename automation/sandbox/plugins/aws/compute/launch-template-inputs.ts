import type { ec2 } from '@pulumi/aws';
import type { InputSpec, InputTable } from '../../model/schema';
import type { Plain } from '../context';
import { as, FLAG, FLAG_TEXT, REGION, STRING, STRINGS, TAGS } from '../specs';

const VOLUME: InputSpec = {
  type: 'object',
  fields: {
    deleteOnTermination: FLAG_TEXT,
    encrypted: FLAG_TEXT,
    iops: { type: 'integer', min: 100, max: 256000, computed: true },
    kmsKeyId: STRING,
    snapshotId: STRING,
    throughput: { type: 'integer', min: 125, max: 2000, computed: true },
    volumeSize: { type: 'integer', min: 1, max: 65536, computed: true },
    volumeType: {
      type: 'string',
      oneOf: ['standard', 'gp2', 'gp3', 'io1', 'io2', 'sc1', 'st1'],
      computed: true,
    },
  },
};

const NETWORK_INTERFACE: InputSpec = {
  type: 'object',
  fields: {
    associatePublicIpAddress: FLAG_TEXT,
    deleteOnTermination: FLAG_TEXT,
    description: STRING,
    deviceIndex: { type: 'integer', min: 0 },
    networkCardIndex: { type: 'integer', min: 0 },
    securityGroups: STRINGS,
    subnetId: STRING,
  },
};

const METADATA: InputSpec = {
  type: 'object',
  fields: {
    httpEndpoint: { type: 'string', oneOf: ['enabled', 'disabled'], computed: true },
    httpProtocolIpv6: { type: 'string', oneOf: ['enabled', 'disabled'], computed: true },
    httpPutResponseHopLimit: { type: 'integer', min: 1, max: 64, computed: true },
    httpTokens: { type: 'string', oneOf: ['optional', 'required'], computed: true },
    instanceMetadataTags: { type: 'string', oneOf: ['enabled', 'disabled'], computed: true },
  },
};

const TAG_SPECIFICATION: InputSpec = {
  type: 'object',
  fields: {
    resourceType: {
      type: 'string',
      oneOf: ['instance', 'volume', 'network-interface', 'spot-instances-request', 'elastic-gpu'],
    },
    tags: TAGS,
  },
};

/** What a version of a template holds: AWS's LaunchTemplateData, but for the spelling. */
export const TEMPLATE_FIELDS = {
  blockDeviceMappings: {
    type: 'list',
    items: {
      type: 'object',
      fields: { deviceName: STRING, ebs: VOLUME, noDevice: STRING, virtualName: STRING },
    },
  },
  creditSpecification: {
    type: 'object',
    fields: { cpuCredits: { type: 'string', oneOf: ['standard', 'unlimited'] } },
  },
  disableApiStop: FLAG,
  disableApiTermination: FLAG,
  ebsOptimized: FLAG_TEXT,
  iamInstanceProfile: {
    type: 'object',
    fields: { arn: as(STRING, { conflictsWith: ['name'] }), name: STRING },
  },
  imageId: {
    type: 'string',
    pattern: [/^(ami-|resolve:ssm:)/, "be an image id such as 'ami-0123456789abcdef0'"],
  },
  instanceInitiatedShutdownBehavior: { type: 'string', oneOf: ['stop', 'terminate'] },
  instanceMarketOptions: {
    type: 'object',
    fields: { marketType: { type: 'string', oneOf: ['spot', 'capacity-block'] } },
  },
  instanceType: {
    type: 'string',
    pattern: [/^[a-z][\w-]*\.[\w-]+$/, "be an instance type such as 't3.micro'"],
  },
  keyName: STRING,
  metadataOptions: METADATA,
  monitoring: { type: 'object', fields: { enabled: FLAG } },
  networkInterfaces: { type: 'list', items: NETWORK_INTERFACE },
  placement: {
    type: 'object',
    fields: { availabilityZone: STRING, groupName: STRING, tenancy: STRING },
  },
  tagSpecifications: { type: 'list', items: TAG_SPECIFICATION },
  userData: { type: 'string', maxLength: 24576 },
  vpcSecurityGroupIds: as(STRINGS, { conflictsWith: ['networkInterfaces'] }),
} satisfies Record<string, InputSpec>;

const NAME_PATTERN = [/^[\w().\-/]+$/, 'have only letters, digits and ( ) . - / _'] as const;

export const LAUNCH_TEMPLATE_INPUTS: InputTable<Plain<ec2.LaunchTemplateArgs>> = {
  ...TEMPLATE_FIELDS,
  name: {
    type: 'string',
    replace: true,
    computed: true,
    minLength: 3,
    maxLength: 125,
    pattern: NAME_PATTERN,
    conflictsWith: ['namePrefix'],
  },
  namePrefix: { type: 'string', replace: true, computed: true, maxLength: 99, pattern: NAME_PATTERN },
  description: { type: 'string', maxLength: 255 },
  defaultVersion: { type: 'integer', min: 1, computed: true, conflictsWith: ['updateDefaultVersion'] },
  updateDefaultVersion: FLAG,
  region: REGION,
  tags: TAGS,
};
