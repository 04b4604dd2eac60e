import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../../src/domain/errors';
import { BackOff } from './back-off';
import type { Clients } from './clients';
import type { MetricBatch } from './metric-data';

const INTERVAL_MS = 1_000;
/** CloudWatch takes at most this many data in one call. */
const MOST_DATA = 1_000;

export interface MetricsPublisherOptions {
  clients: Clients;
  endpoint: () => Promise<string>;
  /** What was counted since it was last asked. */
  collect: () => MetricBatch[];
  signal: AbortSignal;
  log: (line: string) => void;
}

/**
 * Puts the metrics of load balancers and instances to CloudWatch every second until the signal is aborted. What was counted
 * while the control plane was away is lost: a gap in the metrics is how that looks in AWS, too.
 */
export async function publishMetrics(options: MetricsPublisherOptions): Promise<void> {
  const { signal, log } = options;
  const backOff = new BackOff('metrics', log);
  while (!signal.aborted) {
    await pause(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    try {
      await Promise.all(options.collect().map((batch) => put(options, batch)));
      backOff.succeeded();
    } catch (problem) {
      if (!signal.aborted) await backOff.failed(messageOf(problem), signal);
    }
  }
}

async function put({ clients, endpoint }: MetricsPublisherOptions, batch: MetricBatch): Promise<void> {
  const { PutMetricDataCommand } = await import('@aws-sdk/client-cloudwatch');
  const client = await clients.cloudWatch(await endpoint(), batch.region, batch.account);
  for (let start = 0; start < batch.data.length; start += MOST_DATA) {
    const MetricData = batch.data.slice(start, start + MOST_DATA);
    await client.send(new PutMetricDataCommand({ Namespace: batch.namespace, MetricData }));
  }
}
