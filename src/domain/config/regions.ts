import type { ParsedEnvironment } from './environment';
import type { NetworkConfig } from './network';

/** The network of a region: its override, or the environment's. */
export function networkOf(config: ParsedEnvironment, region: string): NetworkConfig {
  return config.regionOverrides[region]?.network ?? config.network;
}

/** The certificate of a region, or undefined without one. */
export function certificateArnOf(config: ParsedEnvironment, region: string): string | undefined {
  return config.regionOverrides[region]?.certificateArn ?? config.listeners.production.certificateArn;
}

/** The SNS topic that a region's alarms tell, or undefined when they tell nobody. */
export function alarmTopicArnOf(config: ParsedEnvironment, region: string): string | undefined {
  return config.regionOverrides[region]?.alarmTopicArn ?? config.alarms.topicArn;
}

/** The partition of a region: `aws`, `aws-cn` or `aws-us-gov`; part of every ARN. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/**
 * The region that stands for the whole partition, where IAM and STS are at home. A provider is set to this
 * one and each resource names its own, so that no change of an environment's regions changes it:
 * Pulumi would replace every resource of a provider whose region changes.
 */
export function homeRegionOf(region: string): string {
  const homes: Record<string, string> = { 'aws-cn': 'cn-north-1', 'aws-us-gov': 'us-gov-west-1' };
  return homes[partitionOf(region)] ?? 'us-east-1';
}
