import { isProps, type Props, type Value } from '../rpc/values';
import type { Tags } from '../model/tags';

/** The aws provider's configuration, as far as the sandbox has a use for it. */
export interface AwsSettings {
  region: string | undefined;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  profile?: string;
  /** Service name as the provider spells it (ec2, elbv2, autoscaling …) -> endpoint. */
  endpoints: Record<string, string>;
  defaultTags: Tags;
  allowedAccountIds: string[];
  forbiddenAccountIds: string[];
  s3UsePathStyle: boolean;
}

/** Other names under which the provider's `endpoints` may give a service's endpoint. */
const ALIASES: Readonly<Record<string, string>> = {
  elb: 'elbv2',
  elasticloadbalancingv2: 'elbv2',
  s3api: 's3',
};

/** Reads the configuration; what is not a string comes as JSON text, as all provider configuration does. */
export function readSettings(config: Props): AwsSettings {
  const text = (name: string): string | undefined => {
    const value = config[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const accessKeyId = text('accessKey');
  const secretAccessKey = text('secretKey');
  const sessionToken = text('token');
  const profile = text('profile');
  return {
    region: text('region') ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION,
    ...(accessKeyId && secretAccessKey
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
      : {}),
    ...(profile === undefined ? {} : { profile }),
    endpoints: endpointsIn(structured(config.endpoints)),
    defaultTags: tagsIn(structured(config.defaultTags)),
    allowedAccountIds: stringsIn(structured(config.allowedAccountIds)),
    forbiddenAccountIds: stringsIn(structured(config.forbiddenAccountIds)),
    s3UsePathStyle: structured(config.s3UsePathStyle) === true,
  };
}

function structured(value: Value | undefined): Value | undefined {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as Value;
  } catch {
    return value;
  }
}

function endpointsIn(value: Value | undefined): Record<string, string> {
  const entries = (Array.isArray(value) ? value : [value]).flatMap((item) =>
    isProps(item) ? Object.entries(item) : [],
  );
  return Object.fromEntries(
    entries.flatMap(([name, url]) =>
      typeof url === 'string' ? [[ALIASES[name] ?? name, url] as const] : [],
    ),
  );
}

function tagsIn(value: Value | undefined): Tags {
  const tags = isProps(value) ? value.tags : undefined;
  return isProps(tags)
    ? Object.fromEntries(Object.entries(tags).map(([key, tag]) => [key, String(tag)]))
    : {};
}

function stringsIn(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
