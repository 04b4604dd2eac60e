/**
 * Chooses among target groups by weight, interleaved as evenly as the weights allow (smooth weighted round
 * robin): of 100 requests with weights 90 and 10, exactly 10 go to the second. AWS does not say how its own
 * choice interleaves; an even one makes a small share of traffic visible soonest.
 */
export class WeightedChoice {
  private readonly entries: { arn: string; weight: number; current: number }[];
  private readonly total: number;

  /** Entries of weight 0 are never chosen. */
  constructor(weights: { arn: string; weight: number }[]) {
    this.entries = weights.filter((entry) => entry.weight > 0).map((entry) => ({ ...entry, current: 0 }));
    this.total = this.entries.reduce((sum, entry) => sum + entry.weight, 0);
  }

  /** The ARN of the group the next request goes to; undefined when every weight is 0. */
  next(): string | undefined {
    let best: { arn: string; weight: number; current: number } | undefined;
    for (const entry of this.entries) {
      entry.current += entry.weight;
      if (best === undefined || entry.current > best.current) best = entry;
    }
    if (best === undefined) return undefined;
    best.current -= this.total;
    return best.arn;
  }
}
