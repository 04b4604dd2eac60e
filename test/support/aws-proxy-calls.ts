/** Which AWS call an HTTP request is: read from what the protocols of AWS put into it. */
import type { IncomingHttpHeaders } from 'node:http';

/** How a service words its requests and answers. */
export type WireFormat = 'query' | 'ec2' | 'json' | 'cbor' | 's3' | 'none';

export interface AwsCall {
  /** In order of arrival, from 0. */
  index: number;
  /** As the driver counts them: `ec2`, `autoscaling`, `elbv2`, `cloudwatch`, `s3`, `sts`, `iam`, … */
  service: string;
  action: string;
  /** Empty where the request is not signed. */
  region: string;
  /** Whether it changes something. */
  write: boolean;
  /** The same in each run of the same story: identifiers in it are stars. */
  label: string;
  /** Of the request, with its query: where S3 names bucket and object. */
  path: string;
  /** Empty for what is too big to be looked at, such as a bundle. */
  body: string;
  userAgent: string;
  format: WireFormat;
}

export interface HttpRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The name that a signature gives the service, where the driver uses another. */
const DRIVER_NAMES: Record<string, string> = { elasticloadbalancing: 'elbv2', monitoring: 'cloudwatch' };

const READS = /^(Describe|Get|List|Head|Filter|Assume|Search|OPTIONS$|GET$|HEAD$)/;

export function recognise(index: number, request: HttpRequest): AwsCall {
  const service = serviceOf(request);
  const { format, action, subject } = operationOf(service, request);
  return {
    index,
    service,
    action,
    region: scopeOf(request)?.region ?? '',
    write: !READS.test(action) && !isTrial(request.body),
    label: `${service}:${action} ${stable(subject)}`.trim(),
    path: request.path,
    body: request.body,
    userAgent: String(request.headers['user-agent'] ?? ''),
    format,
  };
}

/** EC2 only says whether it would do it (Amazon EC2 API reference, "DryRun"). */
function isTrial(body: string): boolean {
  return /(^|&)DryRun=true(&|$)/.test(body);
}

function serviceOf(request: HttpRequest): string {
  const scope = scopeOf(request)?.service ?? 'unsigned';
  return DRIVER_NAMES[scope] ?? scope;
}

/** Of the signature: `Credential=KEY/20261121/us-east-1/elasticloadbalancing/aws4_request`. */
function scopeOf({ headers, path }: HttpRequest): { region: string; service: string } | undefined {
  const signed = `${headers.authorization ?? ''} ${decodeURIComponent(path)}`;
  const scope = /Credential=[^/\s]+\/\d{8}\/([^/\s]+)\/([^/\s]+)\/aws4_request/.exec(signed);
  const [, region, service] = scope ?? [];
  return region === undefined || service === undefined ? undefined : { region, service };
}

interface Operation {
  format: WireFormat;
  action: string;
  subject: string;
}

function operationOf(service: string, request: HttpRequest): Operation {
  const target = request.headers['x-amz-target'];
  const rpc = /^\/service\/[^/]+\/operation\/(\w+)/.exec(request.path)?.[1];
  if (rpc !== undefined) return { format: 'cbor', action: rpc, subject: '' };
  if (typeof target === 'string')
    return { format: 'json', action: target.split('.').at(-1) ?? target, subject: jsonSubject(request.body) };
  if (service === 's3') return s3Operation(request);
  const form = new URLSearchParams(request.body);
  const action = form.get('Action');
  if (action !== null)
    return { format: service === 'ec2' ? 'ec2' : 'query', action, subject: formSubject(form) };
  return { format: 'none', action: request.method, subject: request.path };
}

/** Parameters that name what a call is about. */
const NAMING =
  /^(AutoScalingGroupName|LaunchTemplateName|RuleArn|ListenerArn|TargetGroupArn|LoadBalancerArn|Name|GroupName|RoleName|InstanceProfileName|PolicyName|AlarmName|ResourceArns\.member\.1|AutoScalingGroupNames\.member\.1|Names\.member\.1|Tags\.member\.1\.ResourceId|ResourceId\.1|LaunchTemplateId|GroupId|InstanceId\.1)$/;

function formSubject(form: URLSearchParams): string {
  return [...form]
    .filter(([name]) => NAMING.test(name))
    .map(([, value]) => value)
    .join(' ');
}

function jsonSubject(body: string): string {
  return /"(?:AlarmName|Name)"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? '';
}

function s3Operation({ method, path, headers }: HttpRequest): Operation {
  const { pathname, searchParams } = new URL(path, 'http://s3');
  const [, , ...keyParts] = pathname.split('/');
  const key = decodeURIComponent(keyParts.join('/'));
  const has = (name: string): boolean => searchParams.has(name);
  const on = (action: string): Operation => ({ format: 's3', action, subject: key });
  if (key === '') return bucketOperation(method, searchParams);
  if (method === 'PUT' && has('partNumber')) return on('UploadPart');
  if (method === 'PUT' && headers['x-amz-tagging'] !== undefined) return on('PutTaggedObject');
  if (method === 'PUT') return on(headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject');
  if (method === 'POST') return on(has('uploads') ? 'CreateMultipartUpload' : 'CompleteMultipartUpload');
  if (method === 'DELETE') return on(has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject');
  if (has('tagging')) return on('GetObjectTagging');
  return on(method === 'HEAD' ? 'HeadObject' : 'GetObject');
}

function bucketOperation(method: string, parameters: URLSearchParams): Operation {
  const subject = parameters.get('prefix') ?? '';
  const action = (name: string): Operation => ({ format: 's3', action: name, subject });
  const listing = parameters.has('list-type') || parameters.has('prefix') || [...parameters].length === 0;
  if (method === 'GET') return action(listing ? 'ListObjects' : 'GetBucketSetting');
  if (method === 'HEAD') return action('HeadBucket');
  if (method === 'POST' && parameters.has('delete')) return action('DeleteObjects');
  return action(method === 'DELETE' ? 'DeleteBucket' : 'PutBucket');
}

/** Without what differs from run to run: identifiers, times, account numbers. */
function stable(text: string): string {
  return text
    .replace(/(\/deployments\/)[^/ ]+/g, '$1*')
    .replace(/arn:aws[\w-]*:[\w-]*:[\w-]*:\d*:/g, '')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '*')
    .replace(/\b(i|lt|sg|vpc|subnet|ami|vol|eni|igw|rtb|eipalloc|nat)-[0-9a-f]{8,}\b/g, '$1-*')
    .replace(/\b[0-9a-f]{16,}\b/gi, '*')
    .replace(/\b\d{8,}\b/g, '*')
    .replace(/-(?=[0-9a-f]*\d)[0-9a-f]{7}\b/g, '-*');
}
