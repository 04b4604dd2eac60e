export { SecurityGroupEgressRule } from '@pulumi/aws/vpc/securityGroupEgressRule';
export { SecurityGroupIngressRule } from '@pulumi/aws/vpc/securityGroupIngressRule';
