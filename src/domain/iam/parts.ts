/** Security groups, and a network of the environment's own: parts of EC2 that only their tags tell whose they are. */
import type { Statement } from './document';
import { arns, ofEnvironment, taggedAsEnvironment, type EnvironmentScope } from './scope';
import { allow, names } from './shared';

interface Parts {
  /** As ARNs name their kinds. */
  kinds: string[];
  make: string[];
  change: string[];
}

const SECURITY: Parts = {
  kinds: ['security-group/*', 'security-group-rule/*'],
  make: ['AuthorizeSecurityGroupEgress', 'AuthorizeSecurityGroupIngress', 'CreateSecurityGroup'],
  change: [
    'AuthorizeSecurityGroupEgress',
    'AuthorizeSecurityGroupIngress',
    'DeleteSecurityGroup',
    'ModifySecurityGroupRules',
    'RevokeSecurityGroupEgress',
    'RevokeSecurityGroupIngress',
  ],
};

const NETWORK: Parts = {
  kinds: ['elastic-ip/*', 'internet-gateway/*', 'natgateway/*', 'route-table/*', 'subnet/*', 'vpc/*'],
  make: [
    'AllocateAddress',
    'CreateInternetGateway',
    'CreateNatGateway',
    'CreateRouteTable',
    'CreateSubnet',
    'CreateVpc',
  ],
  // What makes one part works on others that are there already.
  change: [
    'AssociateRouteTable',
    'AttachInternetGateway',
    'CreateNatGateway',
    'CreateRoute',
    'CreateRouteTable',
    'CreateSubnet',
    'DeleteInternetGateway',
    'DeleteNatGateway',
    'DeleteRoute',
    'DeleteRouteTable',
    'DeleteSubnet',
    'DeleteVpc',
    'DetachInternetGateway',
    'DisassociateRouteTable',
    'ModifySubnetAttribute',
    'ModifyVpcAttribute',
    'ReleaseAddress',
    'ReplaceRoute',
  ],
};

export function keepParts(scope: EnvironmentScope): Statement[] {
  const all = scope.network ? [SECURITY, NETWORK] : [SECURITY];
  const make = all.flatMap((parts) => parts.make);
  const kinds = all.flatMap((parts) => parts.kinds);
  const change = [...all.flatMap((parts) => parts.change), 'CreateTags', 'DeleteTags'];
  const anything = arns(scope, 'ec2', '*');
  return [
    allow(
      'MakeWhatIsTagged',
      names('ec2', ...make),
      arns(scope, 'ec2', ...kinds),
      taggedAsEnvironment(scope),
    ),
    allow('TagWhatIsMade', ['ec2:CreateTags'], anything, { StringEquals: { 'ec2:CreateAction': make } }),
    allow('ChangeWhatIsTagged', names('ec2', ...change), anything, ofEnvironment(scope)),
    // A VPC may be anybody's, and a group in it changes nothing of it.
    allow(
      'UseTheVpc',
      names('ec2', 'CreateSecurityGroup', 'DescribeVpcAttribute'),
      arns(scope, 'ec2', 'vpc/*'),
    ),
  ];
}

export function readVpcs(scope: EnvironmentScope): Statement {
  return allow('ReadSettingsOfTheVpc', ['ec2:DescribeVpcAttribute'], arns(scope, 'ec2', 'vpc/*'));
}
