import { z } from 'zod';
import type { WavePolicy } from '../waves';
import { PATIENCE_SECONDS } from '../waves';
import { problem, type Check } from './check';
import { region, seconds } from './fields';

/** How several regions of an environment go: in which order, which together, and what a failure means to the others. */
export const wavesSchema = z
  .strictObject({
    order: z
      .union([z.enum(['one-by-one', 'together']), z.array(z.array(region).min(1)).min(1)])
      .default('one-by-one')
      .describe(
        'Which regions go together: `one-by-one`, each alone in the order of `regions`; `together`, all at once; or lists of regions, each list a wave, for example `[[eu-west-3], [eu-central-1, us-east-1]]`. Every region is in exactly one.',
      ),
    soakSeconds: seconds(0, 604800)
      .default(0)
      .describe(
        'Seconds between two waves, after `deployment.soakSeconds` of the last region of a wave, in which every region that has moved is watched again.',
      ),
    onFailure: z
      .enum(['roll-back', 'leave'])
      .default('roll-back')
      .describe(
        'What becomes of the regions that are done when another one fails: `roll-back` takes all back, the latest first; `leave` lets them stay, takes back the others, and halts for a person: `resume` goes on, `abort` takes all back.',
      ),
    patienceSeconds: seconds(5, 3600)
      .default(PATIENCE_SECONDS)
      .describe(
        'Seconds for which a region may give no answer until it counts as unreachable and has failed. With one region nothing of this applies.',
      ),
  })
  .prefault({})
  .describe('How the regions of an environment follow one another. Without meaning for one region.');

/** The waves as the plan takes them. */
export function waveRules({ order, soakSeconds, onFailure, patienceSeconds }: z.output<typeof wavesSchema>): {
  waves: WavePolicy;
} {
  return { waves: { order, soakSeconds, onFailure, patienceSeconds } };
}

export const waveChecks: Check[] = [
  {
    reads: ['regions', 'deployment.waves'],
    find: ({ regions, deployment: { waves } }) => {
      if (!Array.isArray(waves.order)) return [];
      const at = ['deployment', 'waves', 'order'];
      const named = waves.order.flat();
      const strange = named.filter((one) => !regions.includes(one));
      const missing = regions.filter((one) => !named.includes(one));
      const twice = named.filter((one, index) => named.indexOf(one) !== index);
      return [
        ...strange.map((one) => problem(at, `${one} is not one of regions: ${regions.join(', ')}`)),
        ...missing.map((one) => problem(at, `${one} of regions is in no wave`)),
        ...[...new Set(twice)].map((one) => problem(at, `${one} is in more than one wave`)),
      ];
    },
  },
];
