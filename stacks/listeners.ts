import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import { COLOURS, type Colour } from '../src/domain/colour';
import { certificateArnOf, colourOfTargetGroup, type RuleConfig } from '../src/domain/config';
import { tagsOf, type Scope } from './settings';
import type { TargetGroups } from './targets';

export interface Listeners {
  production: aws.lb.Listener;
  test: aws.lb.Listener;
  /** Redirects plain HTTP to HTTPS. */
  redirect?: aws.lb.Listener;
}

type Weights = Record<Colour, number>;

/** What a new environment starts with; nothing is live yet, and blue comes first. */
const FIRST: Weights = { blue: 100, green: 0 };

/**
 * The listeners of one region with their rules. Bascule owns the weights from the moment a listener exists,
 * so Pulumi ignores the actions of each: an ordinary `pulumi up` never moves traffic.
 */
export function listenersIn(
  scope: Scope,
  region: string,
  loadBalancer: aws.lb.LoadBalancer,
  groups: TargetGroups,
): Listeners {
  const { production, test } = scope.config.listeners;
  const made: Listeners = {
    production: forwarding(
      scope,
      region,
      loadBalancer,
      'production',
      production.port,
      forward(scope, groups, FIRST),
    ),
    test: forwarding(
      scope,
      region,
      loadBalancer,
      'test',
      test.port,
      forward(scope, groups, { blue: FIRST.green, green: FIRST.blue }),
    ),
  };
  if (production.redirectFromPort !== null) {
    made.redirect = redirecting(scope, region, loadBalancer, production.redirectFromPort);
  }
  rulesOn(scope, region, made.production, groups);
  return made;
}

function forwarding(
  scope: Scope,
  region: string,
  loadBalancer: aws.lb.LoadBalancer,
  purpose: 'production' | 'test',
  port: number,
  action: aws.types.input.lb.ListenerDefaultAction,
): aws.lb.Listener {
  const { protocol, tlsPolicy } = scope.config.listeners.production;
  const certificateArn = certificateArnOf(scope.config, region);
  return new aws.lb.Listener(
    `${purpose}.${region}`,
    {
      region,
      loadBalancerArn: loadBalancer.arn,
      port,
      protocol,
      ...(protocol === 'HTTPS' && certificateArn !== undefined
        ? { certificateArn, sslPolicy: tlsPolicy }
        : {}),
      defaultActions: [action],
      tags: tagsOf(scope, `${loadBalancerName(scope)}-${purpose}`),
    },
    { provider: scope.provider, ignoreChanges: ['defaultActions'], protect: scope.config.protection },
  );
}

function redirecting(
  scope: Scope,
  region: string,
  loadBalancer: aws.lb.LoadBalancer,
  port: number,
): aws.lb.Listener {
  return new aws.lb.Listener(
    `redirect.${region}`,
    {
      region,
      loadBalancerArn: loadBalancer.arn,
      port,
      protocol: 'HTTP',
      defaultActions: [
        {
          type: 'redirect',
          redirect: {
            protocol: 'HTTPS',
            port: String(scope.config.listeners.production.port),
            statusCode: 'HTTP_301',
          },
        },
      ],
      tags: tagsOf(scope, `${loadBalancerName(scope)}-redirect`),
    },
    { provider: scope.provider },
  );
}

/**
 * A rule is made with the weights that are in force on its listener at that moment, not with those of a new
 * environment: added while green is live, it must not send its requests to an empty blue.
 */
function rulesOn(scope: Scope, region: string, listener: aws.lb.Listener, groups: TargetGroups): void {
  if (scope.config.rules.length === 0) return;
  const live = aws.lb.getListenerOutput({ arn: listener.arn, region }, { provider: scope.provider });
  const weights = pulumi
    .all([live.defaultActions, listener.arn])
    .apply(([actions, arn]) => weightsIn(scope, actions, arn));
  for (const rule of scope.config.rules) {
    void new aws.lb.ListenerRule(
      `${rule.name}.${region}`,
      {
        region,
        listenerArn: listener.arn,
        priority: rule.priority,
        conditions: conditionsOf(rule),
        actions: [forward(scope, groups, weights)],
        tags: tagsOf(scope, `${loadBalancerName(scope)}-${rule.name}`),
      },
      { provider: scope.provider, ignoreChanges: ['actions'] },
    );
  }
}

function weightsIn(
  scope: Scope,
  actions: aws.types.output.lb.GetListenerDefaultAction[],
  listenerArn: string,
): Weights {
  const weights: Weights = { blue: 0, green: 0 };
  for (const group of actions.flatMap((action) =>
    action.forwards.flatMap((forwards) => forwards.targetGroups),
  )) {
    const colour = colourOfTargetGroup(scope.config.targets.name, group.arn);
    if (colour !== null) weights[colour] = group.weight;
  }
  if (weights.blue + weights.green === 0) {
    throw new pulumi.RunError(
      `The default action of the production listener forwards to neither colour, so it is not known where new rules should forward to.\n` +
        `  Listener: ${listenerArn}\n  Next: let it forward to the live colour again (bascule status ${scope.environment} shows what is there).`,
    );
  }
  return weights;
}

/** Both colours are in every action, so that the load balancer checks the health of the idle one too. */
function forward(scope: Scope, groups: TargetGroups, weights: pulumi.Input<Weights>) {
  const { enabled, durationSeconds } = scope.config.targets.groupStickiness;
  return {
    type: 'forward',
    forward: {
      targetGroups: COLOURS.map((colour) => ({
        arn: groups[colour].arn,
        weight: pulumi.output(weights).apply((all) => all[colour]),
      })),
      stickiness: { enabled, duration: durationSeconds },
    },
  };
}

function conditionsOf(rule: RuleConfig): aws.types.input.lb.ListenerRuleCondition[] {
  return [
    ...(rule.hosts ? [{ hostHeader: { values: rule.hosts } }] : []),
    ...(rule.paths ? [{ pathPattern: { values: rule.paths } }] : []),
    ...Object.entries(rule.headers ?? {}).map(([httpHeaderName, values]) => ({
      httpHeader: { httpHeaderName, values },
    })),
  ];
}

function loadBalancerName(scope: Scope): string {
  return scope.config.loadBalancer.name;
}
