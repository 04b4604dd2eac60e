import { COLOURS } from '../colour';
import { problem, type Check } from './check';
import type { EnvironmentConfig } from './environment';
import { targetGroupName } from './names';
import type { ConfigProblem } from './problems';
import { alarmTopicArnOf, certificateArnOf } from './regions';
import type { RuleConfig } from './traffic';

/** AWS: characters of the name of a load balancer or target group. */
const NAME_LIMIT = 32;
/** AWS: condition values in a rule, over all its conditions. */
const VALUE_LIMIT = 5;
/** AWS: wildcards in a rule, over all its conditions. */
const WILDCARD_LIMIT = 6;

const nameChecks: Check[] = [
  {
    reads: ['service', 'loadBalancer.name'],
    find: ({ loadBalancer: { name } }) =>
      name.length > NAME_LIMIT
        ? [
            problem(
              ['loadBalancer', 'name'],
              `the load balancer's name ${name} has ${name.length} characters, AWS allows ${NAME_LIMIT}: set a shorter loadBalancer.name`,
            ),
          ]
        : [],
  },
  {
    reads: ['service', 'targets.name'],
    find: ({ targets }) => {
      const name = COLOURS.map((colour) => targetGroupName(targets.name, colour)).find(
        (candidate) => candidate.length > NAME_LIMIT,
      );
      return name === undefined
        ? []
        : [
            problem(
              ['targets', 'name'],
              `the target group's name ${name} has ${name.length} characters, AWS allows ${NAME_LIMIT}: set a shorter targets.name`,
            ),
          ];
    },
  },
];

const listenerChecks: Check[] = [
  {
    reads: ['listeners.production.port', 'listeners.production.redirectFromPort', 'listeners.test.port'],
    find: ({ listeners: { production, test } }) => {
      const found: ConfigProblem[] = [];
      if (test.port === production.port) {
        found.push(
          problem(['listeners', 'test', 'port'], `${test.port} is also the production listener's port`),
        );
      }
      if (test.port === production.redirectFromPort) {
        found.push(
          problem(['listeners', 'test', 'port'], `${test.port} is also the port that is redirected to HTTPS`),
        );
      }
      if (production.redirectFromPort === production.port) {
        found.push(
          problem(
            ['listeners', 'production', 'redirectFromPort'],
            `${production.port} is the production listener's own port`,
          ),
        );
      }
      return found;
    },
  },
  {
    reads: ['listeners.production'],
    find: ({ listeners: { production } }) =>
      production.protocol === 'HTTP' && production.redirectFromPort !== null
        ? [problem(['listeners', 'production', 'redirectFromPort'], 'goes with protocol: HTTPS only')]
        : [],
  },
  {
    reads: [
      'listeners.production.protocol',
      'listeners.production.certificateArn',
      'regionOverrides',
      'regions',
    ],
    find: certificateProblems,
  },
  {
    reads: ['listeners.production.protocol', 'loadBalancer.domain'],
    find: ({ listeners, loadBalancer }) =>
      listeners.production.protocol === 'HTTPS' && loadBalancer.domain === undefined
        ? [
            problem(
              ['loadBalancer', 'domain'],
              'missing; with HTTPS, requests that prove a release need the name the certificate is for',
            ),
          ]
        : [],
  },
  {
    reads: ['regions', 'alarms', 'regionOverrides'],
    find: (config) =>
      config.regions.flatMap((region) => {
        const arn = alarmTopicArnOf(config, region);
        const own = config.regionOverrides[region]?.alarmTopicArn !== undefined;
        return arn === undefined || arn.split(':')[3] === region
          ? []
          : [
              problem(
                own ? ['regionOverrides', region, 'alarmTopicArn'] : ['alarms', 'topicArn'],
                `is a topic of ${arn.split(':')[3]}, alarms of ${region} can tell only one of their own region`,
              ),
            ];
      }),
  },
];

function certificateProblems(config: EnvironmentConfig): ConfigProblem[] {
  const shared = ['listeners', 'production', 'certificateArn'];
  return config.regions.flatMap((region) => {
    const arn = certificateArnOf(config, region);
    const own = config.regionOverrides[region]?.certificateArn !== undefined;
    const path = own ? ['regionOverrides', region, 'certificateArn'] : shared;
    if (config.listeners.production.protocol === 'HTTP') {
      return arn === undefined ? [] : [problem(path, 'goes with protocol: HTTPS only, but protocol is HTTP')];
    }
    if (arn === undefined) return [problem(shared, `missing; HTTPS needs a certificate in ${region}`)];
    const home = arn.split(':')[3];
    return home === region
      ? []
      : [
          problem(
            path,
            `is a certificate of ${home}, the load balancer in ${region} takes only one of its own region` +
              (own ? '' : `: give it under regionOverrides.${region}.certificateArn`),
          ),
        ];
  });
}

const ruleChecks: Check[] = [
  { reads: ['rules'], find: ({ rules }) => repeated(rules, 'name') },
  { reads: ['rules'], find: ({ rules }) => repeated(rules, 'priority') },
  { reads: ['rules'], find: ({ rules }) => rules.flatMap(conditionProblems) },
];

function repeated(rules: readonly RuleConfig[], key: 'name' | 'priority'): ConfigProblem[] {
  return rules.flatMap((rule, index) => {
    const first = rules.findIndex((other) => other[key] === rule[key]);
    return first === index
      ? []
      : [problem(['rules', index, key], `${rule[key]} is also the ${key} of rules[${first}]`)];
  });
}

function conditionProblems(rule: RuleConfig, index: number): ConfigProblem[] {
  const values = [...(rule.hosts ?? []), ...(rule.paths ?? []), ...Object.values(rule.headers ?? {}).flat()];
  if (values.length === 0) {
    return [problem(['rules', index], `rule ${rule.name} has no condition: give it hosts, paths or headers`)];
  }
  const found: ConfigProblem[] = [];
  if (values.length > VALUE_LIMIT) {
    found.push(
      problem(
        ['rules', index],
        `rule ${rule.name} has ${values.length} condition values, AWS allows ${VALUE_LIMIT} in a rule: make two rules of it`,
      ),
    );
  }
  const wildcards = values.join('').replace(/[^*?]/g, '').length;
  if (wildcards > WILDCARD_LIMIT) {
    found.push(
      problem(
        ['rules', index],
        `rule ${rule.name} has ${wildcards} wildcards, AWS allows ${WILDCARD_LIMIT} in a rule: make two rules of it`,
      ),
    );
  }
  return found;
}

const targetChecks: Check[] = [
  {
    reads: ['targets.healthCheck.timeoutSeconds', 'targets.healthCheck.intervalSeconds'],
    find: ({ targets: { healthCheck } }) =>
      healthCheck.timeoutSeconds >= healthCheck.intervalSeconds
        ? [
            problem(
              ['targets', 'healthCheck', 'timeoutSeconds'],
              `${healthCheck.timeoutSeconds} is not less than intervalSeconds ${healthCheck.intervalSeconds}`,
            ),
          ]
        : [],
  },
  {
    reads: ['targets.slowStartSeconds', 'targets.algorithm'],
    find: ({ targets: { slowStartSeconds, algorithm } }) => {
      const at = ['targets', 'slowStartSeconds'];
      if (slowStartSeconds > 0 && slowStartSeconds < 30) {
        return [problem(at, `${slowStartSeconds} is out of range: AWS allows 0, or 30 to 900`)];
      }
      return slowStartSeconds > 0 && algorithm !== 'round_robin'
        ? [problem(at, `goes with algorithm: round_robin only, but it is ${algorithm}`)]
        : [];
    },
  },
  { reads: ['targets.stickiness', 'targets.groupStickiness'], find: stickinessProblems },
];

function stickinessProblems({ targets }: EnvironmentConfig): ConfigProblem[] {
  const { stickiness, groupStickiness } = targets;
  const found: ConfigProblem[] = [];
  const cookie = ['targets', 'stickiness', 'cookieName'];
  if (stickiness.kind === 'application-cookie' && stickiness.cookieName === undefined) {
    found.push(problem(cookie, 'missing; kind: application-cookie needs the name of the cookie'));
  }
  if (stickiness.kind !== 'application-cookie' && stickiness.cookieName !== undefined) {
    found.push(problem(cookie, `goes with kind: application-cookie only, but kind is ${stickiness.kind}`));
  }
  if (stickiness.cookieName !== undefined && /^AWSALB/i.test(stickiness.cookieName)) {
    found.push(problem(cookie, `${stickiness.cookieName} is a name the load balancer keeps for itself`));
  }
  if (stickiness.kind !== 'none' && !groupStickiness.enabled) {
    found.push(
      problem(
        ['targets', 'groupStickiness', 'enabled'],
        `false, but with stickiness.kind ${stickiness.kind} the load balancer refuses actions with weights unless it is true`,
      ),
    );
  }
  return found;
}

/** The checks of names, listeners, rules and target groups. */
export const trafficChecks: Check[] = [...nameChecks, ...listenerChecks, ...ruleChecks, ...targetChecks];
