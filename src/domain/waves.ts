/** What people decided about the order of regions. */
export interface WavePolicy {
  order: 'one-by-one' | 'together' | string[][];
  /** Seconds between two waves in which everything that has moved so far is watched. */
  soakSeconds: number;
  /** What becomes of the regions that are done when another one fails. */
  onFailure: FailurePolicy;
  /** How long a region may give no answer before it counts as unreachable. */
  patienceSeconds: number;
}

/** `roll-back`: all go back, the latest first; `leave`: those that are done stay, and a person decides. */
export type FailurePolicy = 'roll-back' | 'leave';

/** How a plan over several regions deals with them; a plan of one region has none of it. */
export interface Waves {
  /** Regions that go together, in order. */
  order: string[][];
  onFailure: FailurePolicy;
  patienceSeconds: number;
}

/** Long enough for most regional disturbances of an API; a runner that waits longer costs more than a resume. */
export const PATIENCE_SECONDS = 300;

export const ONE_BY_ONE: WavePolicy = {
  order: 'one-by-one',
  soakSeconds: 0,
  onFailure: 'roll-back',
  patienceSeconds: PATIENCE_SECONDS,
};

/** The regions in the order they go, those of a wave together. A region that no group names goes last, alone. */
export function wavesOf(regions: readonly string[], { order }: Pick<WavePolicy, 'order'>): string[][] {
  if (order === 'together') return [[...regions]];
  if (order === 'one-by-one') return regions.map((region) => [region]);
  const named = order.map((group) => group.filter((region) => regions.includes(region)));
  const others = regions.filter((region) => !order.flat().includes(region));
  return [...named, ...others.map((region) => [region])].filter((group) => group.length > 0);
}
