import { DescribeInstancesCommand, DescribeInstanceTypesCommand } from '@aws-sdk/client-ec2';
import { known, unknown, type Known, type VcpuRoom } from '../domain/preflight';
import { createQuotasClient, type AwsClients } from './aws';
import { vcpuQuotaOf, type VcpuQuota } from './vcpu-quotas';

type Attempt = <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<Known<T>>;

/** What room the account's quotas leave for each instance type, in their order. */
export async function readVcpus(
  clients: AwsClients,
  instanceTypes: readonly string[],
  attempt: Attempt,
): Promise<{ instanceType: string; room: Known<VcpuRoom> }[]> {
  const running = await attempt((signal) => runningTypes(clients, signal));
  if (running.kind === 'unknown')
    return instanceTypes.map((instanceType) => ({ instanceType, room: running }));
  const all = [...new Set([...instanceTypes, ...running.value.keys()])];
  const sizes = await attempt((signal) => vcpusOf(clients, all, signal));
  if (sizes.kind === 'unknown') return instanceTypes.map((instanceType) => ({ instanceType, room: sizes }));
  const quotas = instanceTypes.map(vcpuQuotaOf).filter((quota) => quota !== undefined);
  const limits = new Map<string, Known<number>>();
  for (const { code } of quotas)
    if (!limits.has(code)) limits.set(code, await attempt((signal) => limitOf(clients, code, signal)));
  return instanceTypes.map((instanceType) => ({
    instanceType,
    room: roomOf(instanceType, vcpuQuotaOf(instanceType), {
      running: running.value,
      sizes: sizes.value,
      limits,
    }),
  }));
}

interface Counted {
  /** How many of each type are running. */
  running: ReadonlyMap<string, number>;
  sizes: ReadonlyMap<string, number>;
  limits: ReadonlyMap<string, Known<number>>;
}

function roomOf(
  instanceType: string,
  quota: VcpuQuota | undefined,
  { running, sizes, limits }: Counted,
): Known<VcpuRoom> {
  const each = sizes.get(instanceType);
  if (quota === undefined || each === undefined) return unknown(`no quota is known for ${instanceType}`);
  const limit = limits.get(quota.code) ?? unknown('it was not asked for');
  if (limit.kind === 'unknown') return limit;
  const used = [...running]
    .filter(([type]) => vcpuQuotaOf(type)?.code === quota.code)
    .reduce((sum, [type, count]) => sum + count * (sizes.get(type) ?? 0), 0);
  return known({ quota: `${quota.code}, ${quota.name}`, limit: limit.value, running: used, each });
}

/** The On-Demand Instances that are running; spot instances and those of dedicated hosts have quotas of their own. */
async function runningTypes({ ec2 }: AwsClients, abortSignal: AbortSignal): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let NextToken: string | undefined;
  do {
    const page = await ec2.send(
      new DescribeInstancesCommand({
        Filters: [{ Name: 'instance-state-name', Values: ['running'] }],
        MaxResults: 1000,
        ...(NextToken === undefined ? {} : { NextToken }),
      }),
      { abortSignal },
    );
    for (const one of (page.Reservations ?? []).flatMap((reservation) => reservation.Instances ?? []))
      if (one.InstanceLifecycle === undefined && one.Placement?.Tenancy !== 'host')
        counts.set(one.InstanceType ?? '', (counts.get(one.InstanceType ?? '') ?? 0) + 1);
    NextToken = page.NextToken === '' ? undefined : page.NextToken;
  } while (NextToken !== undefined);
  return counts;
}

/** DescribeInstanceTypes takes 100 types at once. */
async function vcpusOf(
  { ec2 }: AwsClients,
  types: readonly string[],
  abortSignal: AbortSignal,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (let from = 0; from < types.length; from += 100) {
    const InstanceTypes = types.slice(from, from + 100) as never[];
    const answer = await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes }), { abortSignal });
    for (const { InstanceType, VCpuInfo } of answer.InstanceTypes ?? [])
      if (VCpuInfo?.DefaultVCpus !== undefined) sizes.set(InstanceType ?? '', VCpuInfo.DefaultVCpus);
  }
  return sizes;
}

async function limitOf({ region }: AwsClients, QuotaCode: string, abortSignal: AbortSignal): Promise<number> {
  const { GetServiceQuotaCommand } = await import('@aws-sdk/client-service-quotas');
  const quotas = await createQuotasClient(region);
  const answer = await quotas.send(new GetServiceQuotaCommand({ ServiceCode: 'ec2', QuotaCode }), {
    abortSignal,
  });
  const value = answer.Quota?.Value;
  if (value === undefined) throw new Error(`AWS named no value of ${QuotaCode}`);
  return value;
}
