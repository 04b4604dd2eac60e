/** Previews of the situations that people meet, as `bascule preview` gathers them. */
import {
  PREVIEW_FORMAT,
  type Preview,
  type PreviewedStep,
  type PropertyChange,
  type ResourceChange,
  type StackPreview,
} from '../../src/domain/preview/preview';
import { allTo, shared, type RouteWeights, type Weights } from '../../src/domain/traffic';

const REGION = 'eu-west-3';
const HASH = 'plan-3f2a9c0d5b7e41688d10c2f4a6b8e0d2-1a2b3c4d5e6f7a8b9c0d1e2f3a4b';

export const images = {
  found: (region = REGION, id = 'ami-0f3c2a1b9d8e7f605') => ({ region, found: { id, state: 'available' } }),
  missing: (region = REGION) => ({ region, found: null }),
};

export function routes(weights: Weights, rules = 1): RouteWeights[] {
  const listener = 'arn:aws:elasticloadbalancing:eu-west-3:123456789012:listener';
  const own = Array.from({ length: rules }, (_, index) => ({
    id: `${listener}-rule/app/shop/1/2/${index}`,
    label: `rule ${(index + 1) * 10} (path /part-${index + 1}/*)`,
    weights,
  }));
  return [...own, { id: `${listener}/app/shop/1/2`, label: 'default action', weights }];
}

export function changed(path: string, before: unknown, after: unknown, replaces?: true): PropertyChange {
  return { path, before, after, ...(replaces === undefined ? {} : { replaces }) };
}

const LAUNCH_TEMPLATE: ResourceChange = {
  operation: 'update',
  type: 'aws:ec2/launchTemplate:LaunchTemplate',
  name: 'green',
  properties: [
    changed('imageId', 'ami-0a1b2c3d4e5f60718', 'ami-0f3c2a1b9d8e7f605'),
    changed('tags.version', '1.0.0', '2.0.0'),
  ],
};

const GROUP: ResourceChange = {
  operation: 'update',
  type: 'aws:autoscaling/group:Group',
  name: 'green',
  properties: [
    changed('desiredCapacity', 0, 2),
    changed('launchTemplate.version', '3', '[computed]'),
    changed('minSize', 0, 2),
  ],
};

export function fleetStack(colour: 'blue' | 'green', resources: ResourceChange[]): StackPreview {
  return {
    stack: `production.${REGION}.${colour}`,
    kind: 'fleet',
    region: REGION,
    applied: 'by-deploy',
    resources,
    unchanged: 2,
  };
}

export function serviceStack(resources: ResourceChange[]): StackPreview {
  return { stack: 'production', kind: 'service', region: null, applied: 'by-up', resources, unchanged: 14 };
}

interface StepFacts extends Partial<PreviewedStep> {
  kind: string;
  text: string;
}

function step(facts: StepFacts): PreviewedStep {
  return { id: `${facts.kind}:${REGION}`, region: REGION, expectedSeconds: null, ...facts };
}

/** The steps before traffic moves, with what the history says of them. */
function bringUp(colour: string, version: string): PreviewedStep[] {
  const instances = { live: 2, idle: 2 };
  return [
    step({
      kind: 'apply-idle',
      text: `apply ${colour} at ${version}, 2 instance(s)`,
      instances,
      capacity: { minimum: 2, maximum: 4, desired: 2 },
      expectedSeconds: 41,
    }),
    step({ kind: 'point-test', text: `test listener to ${colour}`, instances, expectedSeconds: 1 }),
    step({ kind: 'health-gate', text: `health gate of ${colour}`, instances, expectedSeconds: 73 }),
    step({
      kind: 'smoke',
      text: `smoke test of ${version} through the test listener`,
      instances,
      expectedSeconds: 2,
    }),
  ];
}

function settle(soakSeconds: number): PreviewedStep[] {
  const instances = { live: 2, idle: 2 };
  return [
    step({ kind: 'prove', text: 'prove 2.0.0 with traffic', instances, expectedSeconds: 1 }),
    step({
      kind: 'soak',
      text: `soak for ${soakSeconds} s`,
      instances,
      wait: { seconds: soakSeconds, byHand: false },
      expectedSeconds: soakSeconds + 1,
    }),
  ];
}

const cutover = (rules: number): PreviewedStep =>
  step({
    kind: 'shift',
    text: `cutover of ${rules + 1} route(s) to green`,
    weights: { before: routes(allTo('blue'), rules), after: routes(allTo('green'), rules) },
    instances: { live: 2, idle: 2 },
    expectedSeconds: 4,
  });

const newVersion: Preview = {
  format: PREVIEW_FORMAT,
  environment: 'production',
  service: 'shop',
  version: '2.0.0',
  formerVersion: '1.0.0',
  verdict: { kind: 'changes' },
  hash: HASH,
  sections: null,
  images: [images.found()],
  stacks: [fleetStack('green', [GROUP, LAUNCH_TEMPLATE]), serviceStack([])],
  steps: [...bringUp('green', '2.0.0'), cutover(1), ...settle(600)],
  wayBack: [
    {
      region: REGION,
      text: 'back to 1.0.0 on blue, which stays warm until the deployment ends',
      toVersion: '1.0.0',
    },
  ],
  cost: {
    currency: 'USD',
    perHour: 0.0472,
    parts: [{ region: REGION, instanceType: 't3.small', instances: 2, perHour: 0.0236 }],
    unpriced: [],
  },
  warnings: [],
  plan: null,
};

const nothingRuns = { hash: null, steps: [], wayBack: [], cost: null, plan: null };

const firstDeployment: Preview = {
  ...newVersion,
  version: '1.0.0',
  formerVersion: null,
  stacks: [
    fleetStack('blue', [
      {
        operation: 'create',
        type: 'aws:ec2/launchTemplate:LaunchTemplate',
        name: 'blue',
        properties: [
          { path: 'imageId', after: 'ami-0f3c2a1b9d8e7f605' },
          { path: 'metadataOptions.httpTokens', after: 'required' },
          { path: 'userData', after: '[secret]' },
        ],
      },
      {
        operation: 'create',
        type: 'aws:autoscaling/group:Group',
        name: 'blue',
        properties: [{ path: 'desiredCapacity', after: 2 }],
      },
    ]),
    serviceStack([]),
  ],
  steps: [
    ...bringUp('blue', '1.0.0').map((one) => ({
      ...one,
      instances: { live: 0, idle: 2 },
      expectedSeconds: null,
    })),
    step({
      kind: 'shift',
      text: 'cutover of 2 route(s) to blue',
      weights: { before: routes({ blue: 0, green: 0 }), after: routes(allTo('blue')) },
      instances: { live: 0, idle: 2 },
    }),
  ],
  wayBack: [{ region: REGION, text: 'there is no former release to go back to', toVersion: null }],
  cost: null,
};

const sameVersion: Preview = {
  ...newVersion,
  ...nothingRuns,
  version: '1.0.0',
  verdict: { kind: 'nothing-to-do', message: '1.0.0 is live already in eu-west-3, and no stack differs.' },
  stacks: [fleetStack('blue', []), serviceStack([])],
};

const configChange: Preview = {
  ...sameVersion,
  verdict: {
    kind: 'stacks-differ',
    message:
      'production runs 1.0.0 already, so a deployment has nothing to do; but not all is as configured.',
  },
  stacks: [
    fleetStack('blue', []),
    serviceStack([
      {
        operation: 'update',
        type: 'aws:lb/targetGroup:TargetGroup',
        name: 'shop-production-blue',
        properties: [
          changed('healthCheck.interval', 10, 5),
          changed('healthCheck.path', '/health', '/healthz'),
        ],
      },
      {
        operation: 'create',
        type: 'aws:lb/listenerRule:ListenerRule',
        name: 'admin',
        properties: [{ path: 'priority', after: 20 }],
      },
      { operation: 'delete', type: 'aws:lb/listenerRule:ListenerRule', name: 'old', properties: [] },
    ]),
  ],
  warnings: [
    {
      code: 'service-stack',
      message: 'The service stack is not as Pulumi.production.yaml says; a deployment does not apply it.',
      next: '`bascule up production` applies it.',
    },
  ],
};

const missingImage: Preview = {
  ...newVersion,
  ...nothingRuns,
  verdict: {
    kind: 'refused',
    reasons: [
      {
        code: 'BASCULE_IMAGE_MISSING',
        message: 'There is no image of shop 2.0.0 in us-east-1.',
        next: '`bascule bake 2.0.0 --app <folder>` makes it.',
      },
    ],
  },
  images: [images.found(), images.missing('us-east-1')],
  stacks: [],
};

const drift: Preview = {
  ...newVersion,
  warnings: [
    {
      code: 'drift',
      message:
        'rule 10 (path /part-1/*) has blue 60, green 40; the last deployment left it at blue 100, green 0.',
      next: 'Put it back, or deploy with what is there: the plan begins with the weights that were found.',
    },
  ],
};

const frozen: Preview = {
  ...newVersion,
  verdict: {
    kind: 'refused',
    reasons: [
      {
        code: 'BASCULE_FROZEN',
        message:
          'production is frozen until 2026-12-27T08:00:00.000Z by ada on runner-7 (xmas): @everyone goes home',
        next: 'Wait, `bascule thaw production --name xmas`, or `--override-freeze xmas`.',
      },
    ],
  },
};

const loadBalancerReplaced: Preview = {
  ...newVersion,
  stacks: [
    fleetStack('green', [GROUP, LAUNCH_TEMPLATE]),
    serviceStack([
      {
        operation: 'replace',
        type: 'aws:lb/loadBalancer:LoadBalancer',
        name: 'shop-production',
        properties: [
          changed('internal', false, true, true),
          { path: 'accessLogs.bucket', after: 'shop-logs' },
          { path: 'tags.owner', before: 'web' },
        ],
      },
    ]),
  ],
  warnings: [
    {
      code: 'live-change',
      message:
        '`bascule up production` would replace the load balancer of eu-west-3, with an outage: its address changes.',
      next: 'Leave `loadBalancer.internal` as it is, or make a second environment.',
    },
  ],
};

const PERCENTS = [5, 25, 50];

/** What a canary does to so many rules. */
function canarySteps(rules: number): PreviewedStep[] {
  const stages = PERCENTS.flatMap((percent, index) => {
    const before = index === 0 ? allTo('blue') : shared('green', PERCENTS[index - 1] ?? 0);
    const instances = { live: 2, idle: 2 };
    return [
      step({
        kind: 'shift',
        id: `shift:${REGION}:${percent}`,
        text: `shift of ${percent} % on ${rules + 1} route(s) to green`,
        weights: { before: routes(before, rules), after: routes(shared('green', percent), rules) },
        instances,
        expectedSeconds: 3,
      }),
      step({
        kind: 'analyse',
        id: `analyse:${REGION}:${percent}`,
        text: `${percent} % on green for 300 s`,
        instances,
        wait: { seconds: 300, byHand: percent === 50 },
        expectedSeconds: 301,
      }),
    ];
  });
  const last = cutover(rules);
  const whole = {
    ...last,
    weights: { before: routes(shared('green', 50), rules), after: routes(allTo('green'), rules) },
  };
  return [...bringUp('green', '2.0.0'), ...stages, whole, ...settle(600)];
}

const canary: Preview = { ...newVersion, steps: canarySteps(1) };

/** A hundred rules, one of which was moved by hand. */
const manyRules: Preview = {
  ...newVersion,
  steps: canarySteps(100).map((one) =>
    one.weights === undefined || one.id !== `shift:${REGION}:5`
      ? one
      : {
          ...one,
          weights: {
            before: one.weights.before.map((route, index) =>
              index === 41 ? { ...route, weights: { blue: 60, green: 40 } } : route,
            ),
            after: one.weights.after,
          },
        },
  ),
};

/** By the name of the golden file. */
export const PREVIEWS = {
  'first-deployment': firstDeployment,
  'new-version': newVersion,
  'same-version': sameVersion,
  'config-change': configChange,
  'missing-image': missingImage,
  drift,
  frozen,
  'load-balancer-replaced': loadBalancerReplaced,
  canary,
  'many-rules': manyRules,
} satisfies Record<string, Preview>;
