import { z } from 'zod';
import {
  DEFAULT_COMPARISON,
  DEFAULT_LATENCY_COMPARISON,
  DEFAULT_PACING,
  type Check as AnalysisCheck,
  type CheckRule,
  type Pacing,
} from '../analysis/check';
import { problem, type Check } from './check';
import { seconds } from './fields';

/** CloudWatch API reference, DescribeAlarms: at most 100 names, each of at most 255 characters. */
const ALARMS_LIMIT = 100;

const intervalSeconds = z.number().min(0.2).max(3600);
const failureLimit = z.int().min(0).max(1000);
const consecutiveErrorLimit = z.int().min(0).max(1000);
const waitSeconds = seconds(0, 86400);
const then = z.enum(['halt', 'turn-back']);

/** What of the pacing a check may say for itself. */
const ownPacing = {
  intervalSeconds: intervalSeconds
    .optional()
    .describe('Seconds between two looks. Default: `analysis.intervalSeconds`.'),
  failureLimit: failureLimit
    .optional()
    .describe(
      'Failed looks that are put up with; the next one turns back. Default: `analysis.failureLimit`.',
    ),
  consecutiveErrorLimit: consecutiveErrorLimit
    .optional()
    .describe('Looks in a row that may end without any answer. Default: `analysis.consecutiveErrorLimit`.'),
  inconclusive: z
    .strictObject({
      waitSeconds: waitSeconds
        .optional()
        .describe(
          'Seconds to wait for an answer once the step is otherwise over. Default: `analysis.inconclusive.waitSeconds`.',
        ),
      then: then.optional().describe('What comes then. Default: `analysis.inconclusive.then`.'),
    })
    .prefault({})
    .describe('What becomes of a check without an answer; it never passes.'),
};

const name = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be lower case letters, digits and inner hyphens')
  .describe('Name of the check, in the progress, the journal and the report.');

const minimumRequests = z.int().min(1).max(1_000_000).default(100);

const rateCheck = z.strictObject({
  kind: z
    .enum(['error-rate', 'connection-errors'])
    .describe(
      'The share of requests that failed. `error-rate`: answers 5xx of the instances, and connections that none of them took; `connection-errors`: the latter alone.',
    ),
  name,
  limitPercent: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('Most per cent of failed requests within `windowSeconds`. Default: no absolute limit.'),
  windowSeconds: seconds(1, 86400)
    .default(60)
    .describe('The last seconds that `limitPercent` applies to. AWS has metrics of whole minutes.'),
  minimumRequests: minimumRequests.describe('Fewer requests of a colour than this decide nothing.'),
  comparison: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the colours are compared.'),
      significance: z
        .number()
        .min(0.000001)
        .max(0.1)
        .default(DEFAULT_COMPARISON.significance)
        .describe(
          'Most equal releases that are turned back by mistake, as a share: over the whole deployment, however often it looks. All checks that compare should have the same; they, the regions and the soak share it.',
        ),
      tolerancePercent: z
        .number()
        .min(0)
        .max(100)
        .default(DEFAULT_COMPARISON.tolerance * 100)
        .describe('A difference of so many per cent of the requests is put up with, however certain.'),
    })
    .prefault({})
    .describe('New colour against old over the same time, by a statistical test.'),
  ...ownPacing,
});

const latencyCheck = z.strictObject({
  kind: z.literal('latency').describe('A percentile of the response times.'),
  name,
  percentile: z.number().min(50).max(99.9).default(99).describe('Which percentile.'),
  limitSeconds: z
    .number()
    .positive()
    .max(4000)
    .optional()
    .describe('Most seconds. Default: no absolute limit.'),
  minimumRequests: minimumRequests.describe(
    'Fewer requests of a colour than this decide nothing; for high percentiles more are needed in any case, so that ten are slower.',
  ),
  comparison: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the colours are compared.'),
      ratio: z
        .number()
        .min(1)
        .max(100)
        .default(DEFAULT_LATENCY_COMPARISON.ratio)
        .describe('The new colour may be so many times as slow as the old one …'),
      toleranceSeconds: z
        .number()
        .min(0)
        .max(60)
        .default(DEFAULT_LATENCY_COMPARISON.toleranceSeconds)
        .describe('… and by so many seconds slower on top.'),
    })
    .prefault({})
    .describe('New colour against old over the same time.'),
  ...ownPacing,
});

const hostsCheck = z.strictObject({
  kind: z
    .literal('unhealthy-hosts')
    .describe('Instances of the new colour that the load balancer calls unhealthy.'),
  name,
  limit: z.int().min(0).max(1000).default(0).describe('So many are put up with.'),
  ...ownPacing,
});

const alarmsCheck = z.strictObject({
  kind: z
    .literal('alarms')
    .describe('CloudWatch alarms, metric or composite, in each region of the environment.'),
  name,
  names: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(ALARMS_LIMIT)
    .describe('Their names. All must be OK to pass; one in ALARM fails, also one that was before.'),
  ...ownPacing,
});

const commandCheck = z.strictObject({
  kind: z
    .literal('command')
    .describe('A command on the machine that deploys: it exits 0 to pass, 1 to fail, 2 when it cannot tell.'),
  name,
  command: z
    .array(z.string().min(1))
    .min(1)
    .max(100)
    .describe(
      "Program and arguments; no shell. It gets the deployment's facts as JSON on its standard input.",
    ),
  timeoutSeconds: seconds(1, 3600)
    .default(30)
    .describe('Seconds until it is ended, with all it started; that is no answer.'),
  ...ownPacing,
});

export const analysisSchema = z
  .strictObject({
    intervalSeconds: intervalSeconds
      .default(DEFAULT_PACING.intervalSeconds)
      .describe('Seconds between two looks of a check. AWS has new metrics once a minute.'),
    failureLimit: failureLimit
      .default(DEFAULT_PACING.failureLimit)
      .describe('Failed looks of a check that are put up with; the next one turns back.'),
    consecutiveErrorLimit: consecutiveErrorLimit
      .default(DEFAULT_PACING.consecutiveErrorLimit)
      .describe('Looks of a check in a row that may end without any answer, as when CloudWatch is away.'),
    inconclusive: z
      .strictObject({
        waitSeconds: waitSeconds
          .default(DEFAULT_PACING.waitSeconds)
          .describe('Seconds to wait for an answer once the step is otherwise over.'),
        then: then
          .default(DEFAULT_PACING.then)
          .describe('What comes then: `halt` for a person, traffic staying, or `turn-back`.'),
      })
      .prefault({})
      .describe('What becomes of a check without an answer, as for lack of metrics or of requests.'),
    checks: z
      .array(z.discriminatedUnion('kind', [rateCheck, latencyCheck, hostsCheck, alarmsCheck, commandCheck]))
      .max(50)
      .default([])
      .describe('The checks. All must pass; one that fails turns back at once.'),
  })
  .prefault({})
  .describe('What judges the new colour at each weight of `strategy`, and through the soak.');

type AnalysisSettings = z.output<typeof analysisSchema>;
type CheckSettings = AnalysisSettings['checks'][number];

/** The checks as the plan holds them, each with its whole pacing. */
export function checksOf(settings: AnalysisSettings): AnalysisCheck[] {
  return settings.checks.map((check) => ({
    ...ruleOf(check),
    name: check.name,
    pacing: pacingOf(settings, check),
  }));
}

function pacingOf(common: AnalysisSettings, own: CheckSettings): Pacing {
  return {
    intervalSeconds: own.intervalSeconds ?? common.intervalSeconds,
    failureLimit: own.failureLimit ?? common.failureLimit,
    consecutiveErrorLimit: own.consecutiveErrorLimit ?? common.consecutiveErrorLimit,
    waitSeconds: own.inconclusive.waitSeconds ?? common.inconclusive.waitSeconds,
    then: own.inconclusive.then ?? common.inconclusive.then,
  };
}

function ruleOf(check: CheckSettings): CheckRule {
  switch (check.kind) {
    case 'error-rate':
    case 'connection-errors': {
      const { kind, limitPercent, windowSeconds, minimumRequests: least, comparison } = check;
      const { enabled, significance, tolerancePercent } = comparison;
      return {
        kind,
        limit: limitPercent === undefined ? null : limitPercent / 100,
        windowSeconds,
        minimumRequests: least,
        comparison: enabled ? { significance, tolerance: tolerancePercent / 100 } : null,
      };
    }
    case 'latency': {
      const { kind, percentile, limitSeconds, minimumRequests: least, comparison } = check;
      const { enabled, ratio, toleranceSeconds } = comparison;
      return {
        kind,
        percentile,
        limitSeconds: limitSeconds ?? null,
        minimumRequests: least,
        comparison: enabled ? { ratio, toleranceSeconds } : null,
      };
    }
    case 'unhealthy-hosts':
      return { kind: check.kind, limit: check.limit };
    case 'alarms':
      return { kind: check.kind, names: check.names };
    case 'command':
      return { kind: check.kind, command: check.command, timeoutSeconds: check.timeoutSeconds };
  }
}

const CHECKS = ['deployment', 'analysis', 'checks'];

export const analysisChecks: Check[] = [
  {
    reads: ['deployment.analysis.checks'],
    find: ({ deployment: { analysis } }) =>
      analysis.checks.flatMap((check, index) => {
        const first = analysis.checks.findIndex((other) => other.name === check.name);
        return first === index
          ? []
          : [problem([...CHECKS, index, 'name'], `${check.name} is also the name of checks[${first}]`)];
      }),
  },
  {
    reads: ['deployment.analysis.checks'],
    find: ({ deployment: { analysis } }) =>
      analysis.checks.flatMap((check, index) =>
        judgesNothing(check)
          ? [
              problem(
                [...CHECKS, index],
                `${check.name} would judge nothing: give it ${check.kind === 'latency' ? 'limitSeconds' : 'limitPercent'}, or leave comparison.enabled true`,
              ),
            ]
          : [],
      ),
  },
];

function judgesNothing(check: CheckSettings): boolean {
  const rule = ruleOf(check);
  switch (rule.kind) {
    case 'error-rate':
    case 'connection-errors':
      return rule.limit === null && rule.comparison === null;
    case 'latency':
      return rule.limitSeconds === null && rule.comparison === null;
    case 'unhealthy-hosts':
    case 'alarms':
    case 'command':
      return false;
  }
}
