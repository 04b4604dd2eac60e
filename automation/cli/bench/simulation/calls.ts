import { isRead, ratesOf, type ServiceRates } from '../../../../src/adapters/aws-rates';
import type { Clock } from '../../../../src/ports';

/** As AWS documents them; by themselves, so that the driver's own limits are held against something. */
const DOCUMENTED: Record<string, { size: number; perSecond: number }> = {
  // Elastic Load Balancing user guide, "Request throttling for the Elastic Load Balancing API".
  'elbv2 reads': { size: 40, perSecond: 10 },
  'elbv2 writes': { size: 20, perSecond: 3 },
  // Amazon EC2 developer guide, "Request throttling for the Amazon EC2 API": non-mutating actions.
  'ec2 reads': { size: 100, perSecond: 20 },
  // CloudWatch user guide, "CloudWatch quotas": GetMetricData, 500 a second.
  'cloudwatch reads': { size: 500, perSecond: 500 },
};

/** What AWS would have left of a rate: it refuses a call that comes when nothing is. */
class Allowance {
  private tokens: number;
  private filledAt: number;

  constructor(
    private readonly rate: { size: number; perSecond: number },
    now: number,
  ) {
    this.tokens = rate.size;
    this.filledAt = now;
  }

  take(now: number): boolean {
    const gained = ((now - this.filledAt) / 1000) * this.rate.perSecond;
    this.tokens = Math.min(this.rate.size, this.tokens + gained);
    this.filledAt = now;
    this.tokens -= 1;
    return this.tokens > -1e-6;
  }
}

/** Counts calls by kind, holds them to the driver's own limits, and those to what AWS documents. */
export class Calls {
  readonly counts: Record<string, number> = {};
  /** Calls that AWS would have refused. */
  refused: string[] = [];
  /** Milliseconds of the simulated time that calls waited for their turn. */
  heldBack = 0;
  private readonly own = new Map<string, ServiceRates>();
  private readonly allowances = new Map<string, Allowance>();

  constructor(private readonly clock: Clock) {}

  async make(region: string, service: string, action: string): Promise<void> {
    const call = `${service}:${action}`;
    this.counts[call] = (this.counts[call] ?? 0) + 1;
    const rates = this.own.get(`${region} ${service}`) ?? ratesOf(service, false, this.clock);
    this.own.set(`${region} ${service}`, rates);
    const asked = this.clock.now();
    await (isRead(action) ? rates.reads : rates.writes).take();
    this.heldBack += this.clock.now() - asked;
    if (!this.allowed(region, `${service} ${isRead(action) ? 'reads' : 'writes'}`))
      this.refused.push(`${call} in ${region}`);
  }

  private allowed(region: string, kind: string): boolean {
    const rate = DOCUMENTED[kind];
    if (rate === undefined) return true;
    const key = `${region} ${kind}`;
    const allowance = this.allowances.get(key) ?? new Allowance(rate, this.clock.now());
    this.allowances.set(key, allowance);
    return allowance.take(this.clock.now());
  }
}
