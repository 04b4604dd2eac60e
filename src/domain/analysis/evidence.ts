import type { Counts } from './measurement';

/** The requests of both colours in the same short time, so that what changes for both is blamed on neither. */
export interface Pair {
  new: Counts;
  old: Counts;
}

/**
 * How many times as often the new colour fails, and how likely each is taken to be before anything was seen.
 * About half as often again is what must be told from nothing with the fewest requests, hence its weight.
 */
const ALTERNATIVES = [
  { ratio: 1.6, weight: 0.5 },
  { ratio: 2.5, weight: 0.25 },
  { ratio: 10, weight: 0.15 },
  { ratio: 100, weight: 0.1 },
] as const;

/** How likely a release is taken to be worse from the first pair, or stage, on, rather than from some later one. */
const FROM_THE_BEGINNING = 0.8;

/**
 * The natural logarithm of the evidence that the new colour fails more often than the old one.
 *
 * Each failure belonged to the new colour with a probability that is its share of the requests, if the
 * colours are equal, and with a greater one if it is worse. The product of these ratios over all failures is
 * a test martingale: with equal colours it ever exceeds 1/significance with at most that probability, however
 * often one looks and whenever one stops (Ville's inequality; see Ramdas and others, "Game-theoretic statistics
 * and safe anytime-valid inference", 2023). Given the failures of a pair, those of the new colour are
 * hypergeometric, which is less spread than the binomial that the ratio takes them for (Hoeffding 1963), so
 * that the bound is exact with any number of requests. Averaging over alternatives and over the pair from which
 * on the release may be worse keeps it.
 */
export function evidence(pairs: readonly Pair[]): number {
  return evidenceAlong(pairs).at(-1) ?? 0;
}

/** The evidence after each of the pairs. */
export function evidenceAlong(pairs: readonly Pair[]): number[] {
  const courses = ALTERNATIVES.map(({ ratio, weight }) => evidenceFor(ratio, Math.log(weight), pairs));
  return pairs.map((_, index) => logSumOf(courses.map((logs) => logs[index] ?? -Infinity)));
}

/**
 * The evidence of the stages of a deployment together, from what each of those so far has found, out of `ofAll`.
 * A release that is worse from some stage on is worse in all that come after it; which stage that is is averaged
 * over beforehand, which keeps the bound for all stages together, as they come one after the other.
 */
export function evidenceOver(stages: readonly number[], ofAll: number): number {
  const later = ofAll <= 1 ? 0 : (1 - FROM_THE_BEGINNING) / (ofAll - 1);
  const weights = stages.map((_, stage) => (stage === 0 ? 1 - later * (ofAll - 1) : later));
  const left = Math.max(0, 1 - weights.reduce((sum, weight) => sum + weight, 0));
  const since = weights.map(
    (weight, stage) => Math.log(weight) + stages.slice(stage).reduce((sum, one) => sum + one, 0),
  );
  return logSumOf([...since, Math.log(left)]);
}

function evidenceFor(ratio: number, weight: number, pairs: readonly Pair[]): number[] {
  let worseAlready = weight + Math.log(FROM_THE_BEGINNING);
  let notYet = weight + Math.log(1 - FROM_THE_BEGINNING);
  return pairs.map((pair, index) => {
    // Of what is left, 1/(k+1) begins with pair k: the earlier the likelier, and never used up.
    const begins = index === 0 ? -Infinity : notYet - Math.log(index + 1);
    if (index > 0) notYet += Math.log(index / (index + 1));
    worseAlready = logSumOf([worseAlready, begins]) + logRatio(ratio, pair);
    return logSumOf([worseAlready, notYet]);
  });
}

/** How much likelier the failures of a pair are if the new colour fails `ratio` times as often. */
function logRatio(ratio: number, pair: Pair): number {
  const total = pair.new.requests + pair.old.requests;
  if (pair.new.requests === 0 || pair.old.requests === 0) return 0;
  const equal = pair.new.requests / total;
  const worse = (equal * ratio) / (equal * ratio + 1 - equal);
  return (
    pair.new.failures * Math.log(worse / equal) + pair.old.failures * Math.log((1 - worse) / (1 - equal))
  );
}

/** ln(e^one + e^other + …) */
function logSumOf(logs: readonly number[]): number {
  const greatest = Math.max(...logs);
  if (greatest === -Infinity) return greatest;
  return greatest + Math.log(logs.reduce((sum, one) => sum + Math.exp(one - greatest), 0));
}
