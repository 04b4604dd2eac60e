import { TokenBucket, type BucketTime } from './token-bucket';

/** As many calls as AWS takes at once, and how many more each second. */
export interface Rate {
  size: number;
  perSecond: number;
}

/**
 * What AWS documents, for each account in each region: Elastic Load Balancing user guide, "Request throttling for
 * the Elastic Load Balancing API" (categories non-mutating and mutating); Amazon EC2 developer guide, "Request
 * throttling for the Amazon EC2 API" (non-mutating actions). Of the other services AWS documents none that hold here.
 */
export const DOCUMENTED_RATES: Readonly<Record<string, { reads: Rate; writes?: Rate }>> = {
  elbv2: { reads: { size: 40, perSecond: 10 }, writes: { size: 20, perSecond: 3 } },
  ec2: { reads: { size: 100, perSecond: 20 } },
};

export interface ServiceRates {
  reads: TokenBucket;
  writes: TokenBucket;
}

/**
 * How fast this process calls a service in a region. What AWS documents is kept from the first call on; the rest
 * is taken as it comes until AWS refuses one, and then slowly.
 * @param ownEndpoint Whether it is not AWS that is asked: whoever else it is, it has no rate of writes to be kept.
 */
export function ratesOf(service: string, ownEndpoint = false, time?: BucketTime): ServiceRates {
  const untilRefused = (): TokenBucket => new TokenBucket(10, 5, 'refusal', time);
  const kept = (rate: Rate | undefined): TokenBucket =>
    rate === undefined ? untilRefused() : new TokenBucket(rate.size, rate.perSecond, 'start', time);
  const { reads, writes } = DOCUMENTED_RATES[service] ?? {};
  return { reads: kept(reads), writes: ownEndpoint ? untilRefused() : kept(writes) };
}

/** Whether a call only reads, by its name. */
export function isRead(action: string): boolean {
  return /^(Describe|Get|List|Head)/.test(action);
}
