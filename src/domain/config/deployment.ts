import { z } from 'zod';
import { analysisSchema } from './analysis';
import { openConnections, preflight } from './draining';
import { headerName, seconds, topicArn, urlPath } from './fields';
import { migrateSchema } from './migrate';
import { growthSchema, strategySchema } from './strategy';
import { testsSchema } from './tests';
import { wavesSchema } from './waves';

const healthGate = z.strictObject({
  consecutive: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe(
      'Looks in a row that must find every instance healthy. The load balancer calls a new target healthy after a single success, so 1 is rash.',
    ),
  intervalSeconds: z
    .number()
    .min(0.2)
    .max(300)
    .default(5)
    .describe(
      'Seconds between two looks. elbv2 Describe calls share about 10 a second per account and region.',
    ),
  timeoutSeconds: seconds(1, 21600)
    .default(900)
    .describe('Seconds until a fleet that is not healthy fails the deployment; traffic is untouched then.'),
});

const smokeRequest = z.strictObject({
  path: urlPath.describe('Path to ask.'),
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    .default('GET')
    .describe('HTTP method.'),
  headers: z.record(headerName, z.string()).default({}).describe('Headers to send.'),
  host: z
    .string()
    .min(1)
    .optional()
    .describe('Host header. Default: `loadBalancer.domain`, if there is one.'),
  body: z.string().optional().describe('Body to send.'),
  status: z.int().min(100).max(599).default(200).describe('The status that is expected.'),
  bodyContains: z.string().min(1).optional().describe('Text that must be in the body of the answer.'),
  timeoutSeconds: seconds(1, 300).default(10).describe('Seconds until no answer counts as a failure.'),
});

const proof = z.strictObject({
  path: urlPath.default('/').describe('Path to ask.'),
  header: headerName
    .default('x-version')
    .describe('Header of the answer that holds the version. An answer without it proves nothing.'),
  requests: z
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe('Answers of the new version in a row that prove the shift, on new connections.'),
  timeoutSeconds: seconds(1, 3600)
    .default(60)
    .describe('Seconds until a shift that traffic does not prove fails, and weights go back.'),
});

const retire = z.strictObject({
  when: z
    .enum(['after', 'on-request', 'never'])
    .default('after')
    .describe(
      'When the former colour is scaled down: `after` a while, `on-request` by `bascule retire`, or `never`.',
    ),
  afterSeconds: seconds(0, 604800)
    .optional()
    .describe(
      'With `after`: seconds it stays warm after the soak, ready for a rollback at once. Default: 0.',
    ),
});

export const deploymentSchema = z
  .strictObject({
    healthGate: healthGate.prefault({}).describe('When the idle colour counts as healthy.'),
    smoke: z
      .strictObject({
        requests: z
          .array(smokeRequest)
          .max(100)
          .default([])
          .describe('Requests that must be answered as expected, in this order.'),
      })
      .prefault({})
      .describe('Requests sent to the idle colour through the test listener before traffic moves.'),
    proof: proof
      .optional()
      .describe(
        'How the version that answers is recognised in live traffic. Default: the shift is proven by read-back and by answers alone.',
      ),
    strategy: strategySchema,
    growth: growthSchema,
    analysis: analysisSchema,
    soakSeconds: seconds(0, 86400)
      .default(300)
      .describe(
        'Seconds with all traffic on the new colour, watched, before the deployment goes on to retire.',
      ),
    waves: wavesSchema,
    tests: testsSchema,
    migrate: migrateSchema,
    retire: retire.prefault({}).describe('What becomes of the former colour.'),
    quietSeconds: seconds(1, 3600)
      .default(60)
      .describe(
        'Seconds without a single request, by the metrics of the load balancer, after which the traffic of the former colour counts as ended. AWS publishes them every 60 seconds.',
      ),
    drainTimeoutSeconds: seconds(1, 7200)
      .optional()
      .describe(
        'Seconds to wait until the former colour has no more requests before it shrinks. Default: `targets.deregistrationDelaySeconds` + 60.',
      ),
    openConnections,
    preflight,
  })
  .prefault({})
  .describe('How a deployment goes about it.');

export const alarmsSchema = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether CloudWatch alarms are made; each is billed by AWS.'),
    fiveXxPercent: z
      .number()
      .positive()
      .max(100)
      .default(5)
      .describe("Per cent of a colour's answers with status 5xx that raise the alarm."),
    latencySeconds: z
      .number()
      .positive()
      .max(4000)
      .default(2)
      .describe("Average response time of a colour's instances in seconds that raises the alarm."),
    periodSeconds: z
      .literal([60, 300, 600, 900, 1800, 3600])
      .default(60)
      .describe('Seconds one data point covers.'),
    periods: z.int().min(1).max(24).default(3).describe('Data points in a row that must be over the limit.'),
    topicArn: topicArn
      .optional()
      .describe(
        'SNS topic that is told, of the same region; with several regions give one for each under `regionOverrides`. Default: nobody is told, alarms are only shown.',
      ),
  })
  .prefault({})
  .describe('CloudWatch alarms for each colour: share of 5xx answers and response time.');
