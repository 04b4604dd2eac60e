import type { ConnectionSample, MetricSample } from './types';

const MOST_RESPONSE_TIMES = 10_000;

/** Counts for one target group behind one load balancer, since they were last taken. */
export class Counter {
  requestCount = 0;
  target2xx = 0;
  target3xx = 0;
  target4xx = 0;
  target5xx = 0;
  elb5xx = 0;
  connectionErrors = 0;
  newConnections = 0;
  private responseTimes: number[] = [];
  private responses = 0;

  constructor(
    private readonly loadBalancerArn: string,
    private readonly targetGroupArn: string,
  ) {}

  /** @param seconds from the request's leaving to the response headers */
  targetAnswered(status: number, seconds: number): void {
    if (status >= 500) this.target5xx += 1;
    else if (status >= 400) this.target4xx += 1;
    else if (status >= 300) this.target3xx += 1;
    else if (status >= 200) this.target2xx += 1;
    this.responses += 1;
    if (this.responseTimes.length < MOST_RESPONSE_TIMES) {
      this.responseTimes.push(seconds);
      return;
    }
    // Every response of the interval stays as likely as any other to be among those kept.
    const place = Math.floor(Math.random() * this.responses);
    if (place < MOST_RESPONSE_TIMES) this.responseTimes[place] = seconds;
  }

  /** What was counted, and a new start; undefined when there was nothing. */
  take(at: number, activeConnections: number): MetricSample | undefined {
    const sample: MetricSample = {
      loadBalancerArn: this.loadBalancerArn,
      targetGroupArn: this.targetGroupArn,
      at,
      requestCount: this.requestCount,
      target2xx: this.target2xx,
      target3xx: this.target3xx,
      target4xx: this.target4xx,
      target5xx: this.target5xx,
      elb5xx: this.elb5xx,
      connectionErrors: this.connectionErrors,
      responseTimes: this.responseTimes,
      newConnections: this.newConnections,
      activeConnections,
    };
    const idle = sample.requestCount + sample.elb5xx + this.responses + activeConnections === 0;
    this.requestCount = this.target2xx = this.target3xx = this.target4xx = this.target5xx = 0;
    this.elb5xx = this.connectionErrors = this.newConnections = this.responses = 0;
    this.responseTimes = [];
    return idle ? undefined : sample;
  }
}

/** All counters of a data plane. */
export class Metrics {
  private readonly counters = new Map<string, Counter>();
  private readonly fromClients = new Map<string, number>();
  private minute: number | undefined;

  /** @param targetGroupArn empty when no target group was chosen */
  counter(loadBalancerArn: string, targetGroupArn: string): Counter {
    const key = `${loadBalancerArn}\n${targetGroupArn}`;
    let counter = this.counters.get(key);
    if (counter === undefined) {
      counter = new Counter(loadBalancerArn, targetGroupArn);
      this.counters.set(key, counter);
    }
    return counter;
  }

  clientConnected(loadBalancerArn: string): void {
    this.fromClients.set(loadBalancerArn, (this.fromClients.get(loadBalancerArn) ?? 0) + 1);
  }

  /** @param active the connections that are open, for each load balancer */
  drainConnections(at: number, active: ReadonlyMap<string, number>): ConnectionSample[] {
    const minute = Math.floor(at / 60_000);
    const due = minute !== this.minute;
    this.minute = minute;
    const arns = new Set([...this.fromClients.keys(), ...(due ? active.keys() : [])]);
    const samples = [...arns].map((loadBalancerArn) => ({
      loadBalancerArn,
      at,
      newFromClients: this.fromClients.get(loadBalancerArn) ?? 0,
      active: due ? (active.get(loadBalancerArn) ?? 0) : null,
    }));
    this.fromClients.clear();
    return samples;
  }

  /** @param active the requests under way for a load balancer's target group */
  drain(at: number, active: (loadBalancerArn: string, targetGroupArn: string) => number): MetricSample[] {
    const samples: MetricSample[] = [];
    for (const [key, counter] of this.counters) {
      const [loadBalancerArn = '', targetGroupArn = ''] = key.split('\n');
      const sample = counter.take(at, active(loadBalancerArn, targetGroupArn));
      if (sample !== undefined) samples.push(sample);
      else this.counters.delete(key);
    }
    return samples;
  }
}
