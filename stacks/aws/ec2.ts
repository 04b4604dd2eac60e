export { getAmi } from '@pulumi/aws/ec2/getAmi';
export { getAmiIds } from '@pulumi/aws/ec2/getAmiIds';
export { getSubnetsOutput } from '@pulumi/aws/ec2/getSubnets';
export { getVpcOutput } from '@pulumi/aws/ec2/getVpc';
export { LaunchTemplate } from '@pulumi/aws/ec2/launchTemplate';
export { SecurityGroup } from '@pulumi/aws/ec2/securityGroup';
