import type { Props } from '../../rpc/values';
import type { AwsContext } from '../context';

/** A function of the provider: its result's properties, from its arguments. */
export type AwsFunction = (args: Props, context: AwsContext) => Promise<object>;

const images = () => import('./images.js');
const network = () => import('./network.js');
const place = () => import('./place.js');
const balancing = () => import('./balancing.js');

const FUNCTIONS: Readonly<Record<string, () => Promise<AwsFunction>>> = {
  'aws:ec2/getAmi:getAmi': async () => (await images()).getAmi,
  'aws:ec2/getAmiIds:getAmiIds': async () => (await images()).getAmiIds,
  'aws:ec2/getVpc:getVpc': async () => (await network()).getVpc,
  'aws:ec2/getVpcs:getVpcs': async () => (await network()).getVpcs,
  'aws:ec2/getSubnet:getSubnet': async () => (await network()).getSubnet,
  'aws:ec2/getSubnets:getSubnets': async () => (await network()).getSubnets,
  'aws:ec2/getSecurityGroup:getSecurityGroup': async () => (await network()).getSecurityGroup,
  'aws:index/getAvailabilityZones:getAvailabilityZones': async () => (await place()).getAvailabilityZones,
  'aws:index/getCallerIdentity:getCallerIdentity': async () => (await place()).getCallerIdentity,
  'aws:index/getRegion:getRegion': async () => (await place()).getRegion,
  'aws:index/getPartition:getPartition': async () => (await place()).getPartition,
  'aws:autoscaling/getGroup:getGroup': async () => (await balancing()).getGroup,
  'aws:lb/getLoadBalancer:getLoadBalancer': async () => (await balancing()).getLoadBalancer,
  'aws:lb/getListener:getListener': async () => (await balancing()).getListener,
  'aws:lb/getTargetGroup:getTargetGroup': async () => (await balancing()).getTargetGroup,
  'aws:iam/getPolicyDocument:getPolicyDocument': async () =>
    (await import('./policy-document.js')).getPolicyDocument,
};

export const FUNCTION_TOKENS: readonly string[] = Object.keys(FUNCTIONS);

/** The function of a token; undefined when the sandbox does not have it. */
export async function loadFunction(token: string): Promise<AwsFunction | undefined> {
  return FUNCTIONS[token]?.();
}
