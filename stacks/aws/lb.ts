export { getListenerOutput } from '@pulumi/aws/lb/getListener';
export { Listener } from '@pulumi/aws/lb/listener';
export { ListenerRule } from '@pulumi/aws/lb/listenerRule';
export { LoadBalancer } from '@pulumi/aws/lb/loadBalancer';
export { TargetGroup } from '@pulumi/aws/lb/targetGroup';
