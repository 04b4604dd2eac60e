export { Group } from '@pulumi/aws/autoscaling/group';
export type { GroupArgs } from '@pulumi/aws/autoscaling/group';
export { Policy } from '@pulumi/aws/autoscaling/policy';
