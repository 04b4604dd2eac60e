/** One weight that the new colour has for a while before the cutover. */
export interface Stage {
  /** Per cent of the requests of each production route, 1 to 99. */
  percent: number;
  /** Seconds with this weight before the next step; null where only a person ends it. */
  pauseSeconds: number | null;
  /** Whether a person has to say `advance`, after the pause where there is one. */
  byHand: boolean;
}

export type Strategy =
  | { kind: 'all-at-once' }
  | { kind: 'canary'; steps: Stage[] }
  /** Equal steps of `percent` with the same pause after each. */
  | { kind: 'linear'; percent: number; pauseSeconds: number | null; byHand: boolean };

/** The weights before the cutover, in rising order; none where all traffic moves at once. */
export function stagesOf(strategy: Strategy): Stage[] {
  switch (strategy.kind) {
    case 'all-at-once':
      return [];
    case 'canary':
      return strategy.steps;
    case 'linear': {
      const { percent, pauseSeconds, byHand } = strategy;
      const count = Math.ceil(100 / percent) - 1;
      return Array.from({ length: count }, (_, index) => ({
        percent: percent * (index + 1),
        pauseSeconds,
        byHand,
      }));
    }
  }
}

/** How many instances a share of the live fleet's traffic needs, in proportion and never fewer than `atLeast`. */
export function instancesFor(live: number, percent: number, atLeast: number): number {
  return Math.max(Math.ceil((live * percent) / 100), atLeast);
}

/** How many instances the new colour starts with: all that the live one has, or what its next weight needs. */
export type Growth = { kind: 'full' } | { kind: 'proportional'; minimum: number };
