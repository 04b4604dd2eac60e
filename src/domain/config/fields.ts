import { z } from 'zod';

/** Building blocks of the environment's schema: each one knows what AWS accepts and says so. */

/** A name that can be part of every AWS name made of it: lower case letters, digits and inner hyphens. */
export const plainName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
    'must be lower case letters, digits and inner hyphens, a letter first',
  );

export const region = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, 'must be the code of an AWS region, for example eu-west-3');

export const port = z.int('must be a whole number from 1 to 65535').min(1).max(65535);

/** Seconds as a whole number within the range AWS allows. */
export function seconds(least: number, most: number) {
  return z.int().min(least).max(most);
}

export const cidr = z.string().superRefine((text, context) => {
  const problem = cidrProblem(text);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/** What is wrong with an IPv4 CIDR block, or null. */
export function cidrProblem(text: string): string | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) {
    return text.includes(':')
      ? `${text} is an IPv6 block; the load balancer speaks IPv4 only`
      : `${text} is not an IPv4 CIDR block such as 10.0.0.0/16 or 203.0.113.7/32`;
  }
  const numbers = match.slice(1).map(Number);
  const length = numbers[4] ?? 33;
  if (numbers.slice(0, 4).some((byte) => byte > 255) || length > 32) {
    return `${text} is not an IPv4 CIDR block: bytes go to 255 and the length to 32`;
  }
  const address = numbers.slice(0, 4).reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - length);
  const first = address - (address % size);
  // EC2 would store the first address silently and every later preview would show a difference.
  return first === address ? null : `${text} has bits beyond its length: write ${dotted(first)}/${length}`;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export const certificateArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[A-Za-z0-9-]+$/,
    'must be the ARN of an ACM certificate: arn:aws:acm:<region>:<account>:certificate/<id>',
  );

export const topicArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$/, 'must be the ARN of an SNS topic');

/** An absolute path of a URL, with a query if need be. */
export const urlPath = z
  .string()
  .max(1024)
  .regex(/^\/[^\s#]*$/, 'must be a path that starts with /, without blanks');

/** The name of an HTTP header (RFC 9110 token; the load balancer allows 40 characters in a condition). */
export const headerName = z
  .string()
  .max(40)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of an HTTP header');

/** HTTP status codes as a target group's matcher writes them. */
export const statusMatcher = z
  .string()
  .regex(
    /^[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*$/,
    "must be codes such as '200', '200-299' or '200,202', in quotes",
  );

/** Tags as AWS takes them. */
export const tags = z.record(
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u, 'has a character that AWS does not allow in a tag'),
  z
    .string()
    .max(256)
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u, 'has a character that AWS does not allow in a tag'),
);

/** A version as it stands in tags, in keys of the bucket and in file names. */
export const version = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/,
    "must be 1 to 64 letters, digits, '.', '_', '+' or '-', a letter or digit first",
  );

export const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of an S3 bucket, 3 to 63 characters');
