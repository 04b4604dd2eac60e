import { echo, filtersOf, texts } from './arguments';
import type { AwsFunction } from './index';

const SUFFIX: Readonly<Record<string, string>> = { 'aws-cn': 'amazonaws.com.cn' };

export const getAvailabilityZones: AwsFunction = async (args, context) => {
  const { AvailabilityZones } = await (
    await context.ec2()
  ).describeAvailabilityZones({
    ...filtersOf(args, { state: 'state' }),
    ...(args.allAvailabilityZones === true ? { AllAvailabilityZones: true } : {}),
  });
  const notNames = texts(args, 'excludeNames') ?? [];
  const notIds = texts(args, 'excludeZoneIds') ?? [];
  const zones = (AvailabilityZones ?? [])
    .filter((zone) => !notNames.includes(zone.ZoneName ?? '') && !notIds.includes(zone.ZoneId ?? ''))
    .sort((a, b) => ((a.ZoneName ?? '') < (b.ZoneName ?? '') ? -1 : 1));
  return {
    ...echo(args),
    id: context.region,
    names: zones.map((zone) => zone.ZoneName),
    zoneIds: zones.map((zone) => zone.ZoneId),
    groupNames: [...new Set(zones.map((zone) => zone.GroupName ?? context.region))],
  };
};

export const getCallerIdentity: AwsFunction = async (_args, context) => {
  const { Account, Arn, UserId } = await (await context.sts()).getCallerIdentity({});
  return { id: Account, accountId: Account, arn: Arn, userId: UserId };
};

export const getRegion: AwsFunction = (_args, context) => {
  const { region } = context;
  const endpoint = `ec2.${region}.${SUFFIX[context.partition] ?? 'amazonaws.com'}`;
  return Promise.resolve({ id: region, name: region, description: region, endpoint });
};

export const getPartition: AwsFunction = (_args, context) => {
  const { partition } = context;
  const dnsSuffix = SUFFIX[partition] ?? 'amazonaws.com';
  return Promise.resolve({
    id: partition,
    partition,
    dnsSuffix,
    reverseDnsPrefix: dnsSuffix.split('.').reverse().join('.'),
  });
};
