import { fleetName, type EnvironmentConfig } from '../domain/config';
import type { RegionOutputs, RegionWorld, ServiceOutputs, Stacks, World } from '../ports';
import { createClients } from './aws';
import { S3Bundles } from './bundles';
import { LocalCheckCommands } from './check-commands';
import { systemClock } from './clock';
import { AwsFleets } from './fleets';
import { AwsImages } from './images';
import { LocalMigrations } from './local-commands';
import { AwsMetrics } from './metrics';
import { Objects } from './objects';
import { AwsOpenConnections } from './open-connections';
import { HttpProber } from './prober';
import { LocalTestGates } from './test-gates';
import { AwsTraffic } from './traffic';

/** The world of one environment over AWS. */
export function createWorld(config: EnvironmentConfig, outputs: ServiceOutputs, stacks: Stacks): World {
  const regions = new Map(
    Object.entries(outputs.regions).map(([name, found]) => [name, regionWorld(name, config, outputs, found)]),
  );
  const domain = config.loadBalancer.domain;
  const prober = new HttpProber(domain);
  const localCommands = new LocalMigrations();
  return {
    stacks,
    images: new AwsImages(),
    bundles: new S3Bundles(),
    prober,
    clock: systemClock,
    commands: new LocalCheckCommands(),
    // Systems Manager's client is large, and few deployments have a command for an instance.
    machines: {
      run: async (...given) => new (await import('./machines.js')).AwsMachines(systemClock).run(...given),
    },
    localCommands,
    tests: new LocalTestGates({
      prober,
      commands: localCommands,
      domain,
      environment: outputs.environment,
      objects: new Objects(createClients(config.regions[0] ?? '').s3, config.bucket),
    }),
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
