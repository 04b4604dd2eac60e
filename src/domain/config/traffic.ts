import { z } from 'zod';
import { certificateArn, cidr, headerName, port, seconds, statusMatcher, urlPath } from './fields';

/**
 * What the load balancer does. Numbers of AWS are from the Elastic Load Balancing user guide for Application
 * Load Balancers (pages "Target groups", "Listener rules", "Quotas", "Edit attributes").
 */

/** A name of a load balancer or target group: 32 characters, letters, digits and hyphens (AWS). */
const elbName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/, 'must be letters, digits and inner hyphens')
  .refine((name) => !name.startsWith('internal-'), "must not begin with 'internal-' (a rule of AWS)");

export const loadBalancerSchema = z
  .strictObject({
    name: elbName
      .max(32)
      .optional()
      .describe('Name of the load balancer, 32 characters at most. Default: `<service>-<environment>`.'),
    internal: z
      .boolean()
      .default(false)
      .describe('Whether it is reachable only from inside the VPC. Cannot be changed once it exists.'),
    idleTimeoutSeconds: seconds(1, 4000)
      .default(60)
      .describe(
        'Seconds after which a connection with nothing on it is closed; 1 to 4000, AWS default 60. The application should keep its connections open longer than this.',
      ),
    deletionProtection: z
      .boolean()
      .default(false)
      .describe('Whether AWS refuses to delete the load balancer until this is set to false.'),
    dropInvalidHeaders: z
      .boolean()
      .default(true)
      .describe('Whether header fields with invalid names are dropped before they reach the application.'),
    preserveHostHeader: z
      .boolean()
      .default(false)
      .describe('Whether the Host header is passed on untouched, its port included (AWS default false).'),
    domain: z
      .string()
      .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, 'must be a host name such as shop.example.com')
      .optional()
      .describe(
        "The host name clients use. Bascule's own requests carry it as Host and as TLS server name. Required with HTTPS; DNS records stay yours.",
      ),
  })
  .prefault({})
  .describe('The load balancer, one in each region.');

const allowedCidrs = z
  .array(cidr)
  .min(1)
  .refine((blocks) => new Set(blocks).size === blocks.length, 'names the same block twice');

const productionListener = z.strictObject({
  protocol: z.enum(['HTTP', 'HTTPS']).default('HTTP').describe('What clients speak.'),
  port: port.optional().describe('Port of the production listener. Default: 80 with HTTP, 443 with HTTPS.'),
  allowedCidrs: allowedCidrs.describe(
    'Who may connect, as IPv4 CIDR blocks; `0.0.0.0/0` for everyone. Nothing else is let in.',
  ),
  certificateArn: certificateArn
    .optional()
    .describe(
      'ACM certificate for HTTPS. It must be of the same region as the load balancer; with several regions give one for each under `regionOverrides`.',
    ),
  tlsPolicy: z
    .string()
    .regex(/^ELBSecurityPolicy-[A-Za-z0-9-]+$/, 'must be the name of a security policy, ELBSecurityPolicy-…')
    .default('ELBSecurityPolicy-TLS13-1-2-2021-06')
    .describe('TLS security policy of the HTTPS listeners; the default is the one AWS recommends.'),
  redirectFromPort: port
    .nullable()
    .optional()
    .describe(
      'Port whose plain HTTP requests are redirected (301) to HTTPS. Default: 80 with HTTPS, none with HTTP; `null` for none.',
    ),
});

const testListener = z.strictObject({
  port: port.describe(
    'Port of the test listener, which always forwards to the idle colour. It speaks the protocol of the production listener.',
  ),
  allowedCidrs: allowedCidrs.describe(
    'Who may see a release before it is live, as IPv4 CIDR blocks. The machine that runs Bascule must be among them.',
  ),
});

export const listenersSchema = z.strictObject({
  production: productionListener.describe('The listener that clients use.'),
  test: testListener.describe('The listener that shows the idle colour.'),
});

const conditionValues = z.array(z.string().min(1).max(128)).min(1);

const rule = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, 'must be lower case letters, digits and hyphens')
    .max(64)
    .describe('Name of the rule, unique in the environment.'),
  priority: z
    .int()
    .min(1)
    .max(50000)
    .describe('Rules are tried from the lowest priority up; 1 to 50000, each once.'),
  hosts: conditionValues
    .optional()
    .describe('Host names that match; `*` and `?` as wildcards. One of them has to match.'),
  paths: conditionValues
    .optional()
    .describe('Paths that match; `*` and `?` as wildcards, case counts. One of them has to match.'),
  headers: z
    .record(headerName, conditionValues)
    .optional()
    .describe('Header name to the values that match; each named header has to match with one of its values.'),
});

export const rulesSchema = z
  .array(rule)
  .max(100)
  .default([])
  .describe(
    'Rules of the production listener by host, path or header, all conditions of a rule together. Each forwards to both colours by weight, as the default action does. AWS allows 5 condition values in a rule and 100 rules for a load balancer.',
  );

const healthCheck = z.strictObject({
  path: urlPath.default('/').describe('Path that is asked; should say that the application is ready.'),
  port: port.optional().describe('Port that is asked. Default: the port of the traffic.'),
  intervalSeconds: seconds(5, 300).default(10).describe('Seconds between checks; 5 to 300, AWS default 30.'),
  timeoutSeconds: seconds(2, 120)
    .default(5)
    .describe('Seconds without an answer that count as a failure; 2 to 120, less than the interval.'),
  healthyThreshold: z
    .int()
    .min(2)
    .max(10)
    .default(2)
    .describe('Successes in a row that make an unhealthy target healthy; 2 to 10, AWS default 5.'),
  unhealthyThreshold: z
    .int()
    .min(2)
    .max(10)
    .default(2)
    .describe('Failures in a row that make a target unhealthy; 2 to 10, AWS default 2.'),
  matcher: statusMatcher
    .default('200')
    .describe("Status codes that count as success, within 200 to 499: '200', '200-299', '200,202'."),
});

const stickiness = z.strictObject({
  kind: z
    .enum(['none', 'load-balancer-cookie', 'application-cookie'])
    .default('none')
    .describe(
      "How a client is kept on one instance: not at all, by the load balancer's cookie (AWSALB), or by a cookie of the application's.",
    ),
  cookieName: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of a cookie')
    .optional()
    .describe("Name of the application's cookie; with `application-cookie` only."),
  durationSeconds: seconds(1, 604800)
    .default(86400)
    .describe('Seconds a client is kept; 1 to 604800 (a week), AWS default 86400 (a day).'),
});

const groupStickiness = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Whether a client that was sent to one colour stays with it while both have weight. Written when a listener or rule is created and kept as it is by every shift; a later change here does not reach listeners that exist.',
    ),
  durationSeconds: seconds(1, 604800)
    .default(3600)
    .describe('Seconds a client is kept with its colour; 1 to 604800.'),
});

export const targetsSchema = z
  .strictObject({
    name: elbName
      .max(26)
      .optional()
      .describe(
        "First part of the target groups' names; `-blue` and `-green` are appended, and AWS allows 32 characters in all. Default: `<service>-<environment>`.",
      ),
    port: port
      .default(8080)
      .describe(
        'Port the application listens on; handed to it as `PORT`. Cannot be changed once the environment exists: AWS would need other target groups.',
      ),
    protocol: z
      .enum(['HTTP', 'HTTPS'])
      .default('HTTP')
      .describe('What the application speaks. Cannot be changed once the environment exists.'),
    healthCheck: healthCheck.prefault({}).describe('When the load balancer calls an instance healthy.'),
    deregistrationDelaySeconds: seconds(0, 3600)
      .default(300)
      .describe(
        'Seconds a deregistered instance keeps its requests in flight; 0 to 3600, AWS default 300. No request should take longer.',
      ),
    slowStartSeconds: seconds(0, 900)
      .default(0)
      .describe(
        'Seconds over which a new instance is given its full share of requests; 30 to 900, or 0 for at once.',
      ),
    algorithm: z
      .enum(['round_robin', 'least_outstanding_requests', 'weighted_random'])
      .default('round_robin')
      .describe('How requests are spread over the instances of a colour.'),
    stickiness: stickiness.prefault({}).describe('Whether a client stays with one instance.'),
    groupStickiness: groupStickiness
      .prefault({})
      .describe('Whether a client stays with one colour. AWS requires it when `stickiness` is used.'),
  })
  .prefault({})
  .describe('The target groups, one for each colour and region, both with these settings.');

export type RuleConfig = z.output<typeof rule>;
