/**
 * What the official AWS provider asks beyond the plugins of the sandbox, which are not that provider: no run in the
 * sandbox makes these calls. They are as few as can be; what each is for, docs/iam.md tells with its source in
 * terraform-provider-aws, on which @pulumi/aws stands.
 */
export const PROVIDER = {
  /** Of load balancers, listeners and security groups. */
  service: ['ec2:DescribeNetworkInterfaces', 'elasticloadbalancing:DescribeListenerAttributes'],
  /** Of addresses. */
  network: ['ec2:DescribeAddressesAttribute'],
  /** Of roles, and before one goes. */
  role: ['iam:ListInstanceProfilesForRole', 'iam:ListRolePolicies'],
} as const;
