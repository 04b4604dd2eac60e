import type { Preview } from '../../../src/domain/preview/preview';
import type { Waves } from '../../../src/domain/waves';

/** How the regions follow one another, a line for each wave; nothing for one region. */
export function waveLines({ plan }: Pick<Preview, 'plan'>): string[] {
  const waves = plan?.waves;
  if (waves === undefined || plan?.purpose !== 'deploy') return [];
  const lines = waves.order.map((regions, index) => `Wave ${index + 1}: ${regions.join(', ')}`);
  return [...lines, failureText(waves)];
}

function failureText({ onFailure }: Waves): string {
  return onFailure === 'roll-back'
    ? 'A failure takes all regions back, the latest first.'
    : 'A failure takes back what is not done; regions that are done stay, and a person decides.';
}
