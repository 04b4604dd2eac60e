import type * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import type { Colour } from '../src/domain/colour';
import {
  fleetName,
  homeRegionOf,
  impossibleChanges,
  parseEnvironment,
  type EnvironmentConfig,
} from '../src/domain/config';
import type { Guard, LiveWord } from '../src/domain/guard';
import { instanceProfileName } from './access';
import { alarmsIn } from './alarms';
import { protectedAsAWhole, showLive } from './guard';
import { listenersIn, type Listeners } from './listeners';
import { networkIn, type Network } from './network';
import { securityGroupsIn, type SecurityGroups } from './security';
import { accepted, environmentPlace, outputsOf, scopeOf, tagsOf, type Scope } from './settings';
import { targetGroupsIn } from './targets';

/** What the service stack says of one region, to the driver and to the fleet stacks. */
export interface RegionOutputs {
  vpcId: string;
  instanceSubnetIds: string[];
  instanceSecurityGroupId: string;
  loadBalancerArn: string;
  loadBalancerDns: string;
  /** Where clients find the live colour; without a slash at the end. */
  loadBalancerUrl: string;
  /** Where the idle colour is shown. */
  testUrl: string;
  productionListenerArn: string;
  testListenerArn: string;
  redirectListenerArn?: string;
  targetGroups: { blue: string; green: string };
  instanceProfileName: string;
}

/** The outputs of the service stack, in the form they have once they are known. */
export interface ServiceOutputs {
  environment: string;
  service: string;
  config: EnvironmentConfig;
  regions: Record<string, RegionOutputs>;
}

/**
 * The service of an environment in all of its regions. A Pulumi program: returns the stack's outputs. Without a
 * guard it does not read what is live.
 */
export async function serviceProgram(
  config: EnvironmentConfig,
  environment: string,
  guard?: Guard,
): Promise<Record<string, unknown>> {
  const before = await outputsOf(environment, ['config', 'regions']);
  refuseImpossibleChanges(config, environment, before['config']);
  const found = before['regions'] as Record<string, RegionOutputs> | undefined;
  const live = guard === undefined ? {} : { live: await liveIn(guard, config, environment, found ?? {}) };
  const scope = scopeOf(environment, config, homeRegionOf(config.regions[0] ?? ''));
  const regions = protectedAsAWhole('service', config.protection, () => {
    const profileName = instanceProfileName(scope);
    return config.regions.map((region) => [region, regionOf(scope, region, profileName)] as const);
  });
  return { environment, service: config.service, config, regions: Object.fromEntries(regions), ...live };
}

/** Which colour is live in each region, `none` where there is no listener yet. */
async function liveIn(
  guard: Guard,
  config: EnvironmentConfig,
  environment: string,
  found: Record<string, RegionOutputs>,
): Promise<Record<string, LiveWord>> {
  const name = (colour: Colour): string => fleetName(config.service, environment, colour);
  const groups = { blue: name('blue'), green: name('green') };
  const words = config.regions.map(async (region): Promise<[string, LiveWord]> => {
    const outputs = found[region];
    if (outputs === undefined) return [region, 'none'];
    const { productionListenerArn, testListenerArn, targetGroups } = outputs;
    const place = { region, productionListenerArn, testListenerArn, targetGroups, groups };
    return [region, await showLive(guard, place)];
  });
  return Object.fromEntries(await Promise.all(words));
}

/** Compares with what this stack last applied, before anything is asked of AWS. */
function refuseImpossibleChanges(config: EnvironmentConfig, environment: string, applied: unknown): void {
  if (applied === undefined) return;
  const before = parseEnvironment(environment, applied);
  // An older Bascule's settings that this one does not understand cannot be compared.
  const problems = before.ok ? impossibleChanges(before.config, config) : [];
  if (problems.length > 0) accepted({ ok: false, problems }, environmentPlace(environment));
}

function regionOf(scope: Scope, region: string, profileName: pulumi.Output<string>) {
  const network = networkIn(scope, region);
  const security = securityGroupsIn(scope, region, network);
  const groups = targetGroupsIn(scope, region, network);
  const balancer = loadBalancerIn(scope, region, network, security);
  const listeners = listenersIn(scope, region, balancer, groups);
  alarmsIn(scope, region, balancer, groups);
  return {
    vpcId: network.vpcId,
    instanceSubnetIds: network.instanceSubnetIds,
    instanceSecurityGroupId: security.instances.id,
    loadBalancerArn: balancer.arn,
    loadBalancerDns: balancer.dnsName,
    ...urlsOf(scope, balancer),
    ...listenerArns(listeners),
    targetGroups: { blue: groups.blue.arn, green: groups.green.arn },
    instanceProfileName: profileName,
  };
}

function loadBalancerIn(
  scope: Scope,
  region: string,
  network: Network,
  security: SecurityGroups,
): aws.lb.LoadBalancer {
  const { loadBalancer } = scope.config;
  return new aws.lb.LoadBalancer(
    `load-balancer.${region}`,
    {
      region,
      name: loadBalancer.name,
      loadBalancerType: 'application',
      internal: loadBalancer.internal,
      subnets: network.loadBalancerSubnetIds,
      securityGroups: [security.loadBalancer.id],
      idleTimeout: loadBalancer.idleTimeoutSeconds,
      enableDeletionProtection: loadBalancer.deletionProtection,
      dropInvalidHeaderFields: loadBalancer.dropInvalidHeaders,
      preserveHostHeader: loadBalancer.preserveHostHeader,
      tags: tagsOf(scope, loadBalancer.name),
    },
    // With a name of our own the provider would delete first and make anew: with all traffic on it.
    { provider: scope.provider, deleteBeforeReplace: false, protect: scope.config.protection },
  );
}

function urlsOf(scope: Scope, balancer: aws.lb.LoadBalancer) {
  const { production, test } = scope.config.listeners;
  const https = production.protocol === 'HTTPS';
  const url = (port: number) =>
    balancer.dnsName.apply(
      (dns) => `${https ? 'https' : 'http'}://${dns}${port === (https ? 443 : 80) ? '' : `:${port}`}`,
    );
  return { loadBalancerUrl: url(production.port), testUrl: url(test.port) };
}

function listenerArns(listeners: Listeners) {
  return {
    productionListenerArn: listeners.production.arn,
    testListenerArn: listeners.test.arn,
    ...(listeners.redirect === undefined ? {} : { redirectListenerArn: listeners.redirect.arn }),
  };
}
