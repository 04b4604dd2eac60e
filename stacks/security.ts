import type * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import type { EgressRule } from '../src/domain/config';
import type { Network } from './network';
import { tagsOf, type Scope } from './settings';

export interface SecurityGroups {
  loadBalancer: aws.ec2.SecurityGroup;
  instances: aws.ec2.SecurityGroup;
}

/**
 * Who may talk to whom in one region. Rules are resources of their own because the two groups name each
 * other. The provider takes away the allow-all egress that AWS gives a new group, so what stands here is all.
 */
export function securityGroupsIn(scope: Scope, region: string, network: Network): SecurityGroups {
  const loadBalancer = group(scope, region, network, 'load-balancer', 'Load balancer');
  const instances = group(scope, region, network, 'instances', 'Instances');
  admitClients(scope, region, loadBalancer);
  connectToInstances(scope, region, loadBalancer, instances);
  scope.config.fleet.egress.forEach((rule) => letOut(scope, region, instances, rule));
  return { loadBalancer, instances };
}

function group(scope: Scope, region: string, network: Network, kind: string, title: string) {
  const name = `${scope.config.service}-${scope.environment}-${kind}`;
  return new aws.ec2.SecurityGroup(
    `${kind}.${region}`,
    {
      region,
      name,
      // AWS replaces a group whose description changes.
      description: `${title} of ${scope.config.service} ${scope.environment} (Bascule)`,
      vpcId: network.vpcId,
      tags: tagsOf(scope, name),
    },
    { provider: scope.provider },
  );
}

function admitClients(scope: Scope, region: string, loadBalancer: aws.ec2.SecurityGroup): void {
  const { production, test } = scope.config.listeners;
  const admit = (purpose: string, port: number, cidrs: readonly string[]): void =>
    cidrs.forEach((cidr) => {
      void new aws.vpc.SecurityGroupIngressRule(
        `${purpose}-from-${cidr}.${region}`,
        {
          region,
          securityGroupId: loadBalancer.id,
          ipProtocol: 'tcp',
          fromPort: port,
          toPort: port,
          cidrIpv4: cidr,
          description: `Clients of the ${purpose} listener`,
          tags: tagsOf(scope, `${purpose}-${port}`),
        },
        { provider: scope.provider },
      );
    });
  admit('production', production.port, production.allowedCidrs);
  admit('test', test.port, test.allowedCidrs);
  if (production.redirectFromPort !== null) {
    admit('redirect', production.redirectFromPort, production.allowedCidrs);
  }
}

/** The load balancer reaches instances on the application's port and the health check's, and nothing else. */
function connectToInstances(
  scope: Scope,
  region: string,
  loadBalancer: aws.ec2.SecurityGroup,
  instances: aws.ec2.SecurityGroup,
): void {
  const { port, healthCheck } = scope.config.targets;
  for (const open of new Set([port, healthCheck.port ?? port])) {
    const rule = (from: pulumi.Input<string>, to: pulumi.Input<string>, description: string) => ({
      region,
      securityGroupId: from,
      referencedSecurityGroupId: to,
      ipProtocol: 'tcp',
      fromPort: open,
      toPort: open,
      description,
      tags: tagsOf(scope, `application-${open}`),
    });
    void new aws.vpc.SecurityGroupEgressRule(
      `to-instances-${open}.${region}`,
      rule(loadBalancer.id, instances.id, 'To the instances'),
      { provider: scope.provider },
    );
    void new aws.vpc.SecurityGroupIngressRule(
      `from-load-balancer-${open}.${region}`,
      rule(instances.id, loadBalancer.id, 'From the load balancer'),
      { provider: scope.provider },
    );
  }
}

function letOut(scope: Scope, region: string, instances: aws.ec2.SecurityGroup, rule: EgressRule): void {
  const any = rule.protocol === 'any';
  const to = rule.toPort ?? rule.port;
  const ports = any || rule.port === undefined || to === undefined ? {} : { fromPort: rule.port, toPort: to };
  const span = any ? 'any' : `${rule.protocol}-${rule.port}${to === rule.port ? '' : `-${to}`}`;
  void new aws.vpc.SecurityGroupEgressRule(
    `out-${span}-to-${rule.cidr}.${region}`,
    {
      region,
      securityGroupId: instances.id,
      ipProtocol: any ? '-1' : rule.protocol,
      ...ports,
      cidrIpv4: rule.cidr,
      description: 'What instances may connect to (fleet.egress)',
      tags: tagsOf(scope, `out-${span}`),
    },
    { provider: scope.provider },
  );
}
