/**
 * What the programs use of @pulumi/aws, under the names that it has there. Its own index loads all services, some
 * 300 modules, each time that a program runs.
 */
export * as autoscaling from './autoscaling';
export * as cloudwatch from './cloudwatch';
export * as ec2 from './ec2';
export * as iam from './iam';
export * as lb from './lb';
export { Provider } from '@pulumi/aws/provider';
export type * as types from '@pulumi/aws/types';
export * as vpc from './vpc';
