import { fleetName, type EnvironmentConfig } from '../domain/config';
import type { RegionOutputs, RegionWorld, ServiceOutputs, Stacks, World } from '../ports';
import { createClients } from './aws';
import { LocalCheckCommands } from './check-commands';
import { systemClock } from './clock';
import { AwsFleets } from './fleets';
import { AwsImages } from './images';
import { AwsMachines } from './machines';
import { LocalMigrations } from './local-commands';
import { AwsMetrics } from './metrics';
import { AwsOpenConnections } from './open-connections';
import { HttpProber } from './prober';
import { AwsTraffic } from './traffic';

/** The world of one environment over AWS. */
export function createWorld(config: EnvironmentConfig, outputs: ServiceOutputs, stacks: Stacks): World {
  const regions = new Map(
    Object.entries(outputs.regions).map(([name, found]) => [name, regionWorld(name, config, outputs, found)]),
  );
  return {
    stacks,
    images: new AwsImages(),
    prober: new HttpProber(config.loadBalancer.domain),
    clock: systemClock,
    commands: new LocalCheckCommands(),
    machines: new AwsMachines(systemClock),
    localCommands: new LocalMigrations(),
    region(name) {
      const region = regions.get(name);
      if (region === undefined) throw new Error(`the service stack has no region ${name}`);
      return region;
    },
  };
}

function regionWorld(
  region: string,
  { deployment }: EnvironmentConfig,
  { service, environment }: ServiceOutputs,
  found: RegionOutputs,
): RegionWorld {
  const clients = createClients(region);
  const { targetGroups, loadBalancerArn } = found;
  const groups = {
    blue: fleetName(service, environment, 'blue'),
    green: fleetName(service, environment, 'green'),
  };
  return {
    region,
    traffic: new AwsTraffic(clients.elb, found),
    fleets: new AwsFleets(clients, { groups, targetGroups }),
    metrics: new AwsMetrics(clients.cloudWatch, loadBalancerArn, targetGroups),
    connections:
      deployment.openConnections === undefined
        ? null
        : new AwsOpenConnections(clients.cloudWatch, groups, deployment.openConnections),
    productionUrl: found.loadBalancerUrl,
    testUrl: found.testUrl,
  };
}
