import type { Strategy } from '../strategy';
import { canonical } from './hash';

/** The options of `deploy` that make the strategy of a plan; none where it is the configured one. */
export function optionsBeside(configured: Strategy, chosen: Strategy): string[] {
  if (canonical(configured) === canonical(chosen)) return [];
  const kind = ['--strategy', chosen.kind];
  switch (chosen.kind) {
    case 'all-at-once':
      return kind;
    case 'linear':
      return [...kind, '--weights', String(chosen.percent), ...pacing(chosen)];
    case 'canary': {
      // Options give all weights the same pause.
      const weights = chosen.steps.map(({ percent }) => percent).join(',');
      const [first] = chosen.steps;
      return [...kind, '--weights', weights, ...(first === undefined ? [] : pacing(first))];
    }
  }
}

function pacing({ pauseSeconds, byHand }: { pauseSeconds: number | null; byHand: boolean }): string[] {
  return [
    ...(pauseSeconds === null ? [] : ['--pause', String(pauseSeconds)]),
    ...(byHand ? ['--by-hand'] : []),
  ];
}
