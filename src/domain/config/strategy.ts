import { z } from 'zod';
import type { Growth, Stage, Strategy } from '../strategy';
import { problem, type Check } from './check';
import { seconds } from './fields';
import type { ConfigProblem } from './problems';

/** How long a weight is kept where nothing is said: a few of the minutes that AWS's metrics come in. */
const PAUSE_SECONDS = 300;

const weight = z.int().min(1).max(99);

const pause = {
  pauseSeconds: seconds(0, 604800)
    .optional()
    .describe(
      `Seconds with this weight before traffic moves on. Default: ${PAUSE_SECONDS}; with \`byHand\` none, so that only a person ends it.`,
    ),
  byHand: z
    .boolean()
    .default(false)
    .describe(
      'Whether a person has to say `bascule advance` before traffic moves on, after `pauseSeconds` where that is given.',
    ),
};

const canary = z.strictObject({
  kind: z.literal('canary').describe('Chosen weights one after another, and then everything.'),
  steps: z
    .array(
      z.strictObject({
        weight: weight.describe('Per cent of the requests that the new colour gets.'),
        ...pause,
      }),
    )
    .min(1)
    .max(50)
    .describe('The weights in rising order; the one after the last is 100.'),
});

const linear = z.strictObject({
  kind: z.literal('linear').describe('Equal steps at an interval until the new colour has everything.'),
  weight: weight.describe('Per cent of the requests that each step adds.'),
  ...pause,
});

const allAtOnce = z.strictObject({
  kind: z.literal('all-at-once').describe('All traffic in one step.'),
});

export const strategySchema = z
  .discriminatedUnion('kind', [allAtOnce, canary, linear])
  .default({ kind: 'all-at-once' })
  .describe(
    'How traffic moves to the new colour. `bascule deploy --strategy` overrides it for one deployment. At each weight the checks of `analysis` look.',
  );

export const growthSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('full').describe('As many instances as the live colour has, before any traffic.'),
    }),
    z.strictObject({
      kind: z
        .literal('proportional')
        .describe(
          'As many instances as the next weight needs of what the live colour has by then, healthy before they get it.',
        ),
      minimum: z
        .int()
        .min(1)
        .max(1000)
        .default(1)
        .describe('The new colour never has fewer instances than this.'),
    }),
  ])
  .default({ kind: 'full' })
  .describe('How many instances the new colour has while traffic moves to it in steps.');

type StrategySettings = z.output<typeof strategySchema>;

/** The strategy with its pauses filled in. */
export function strategyOf(settings: StrategySettings): Strategy {
  switch (settings.kind) {
    case 'all-at-once':
      return settings;
    case 'canary':
      return {
        kind: 'canary',
        steps: settings.steps.map((step): Stage => ({ percent: step.weight, ...pauseOf(step) })),
      };
    case 'linear':
      return { kind: 'linear', percent: settings.weight, ...pauseOf(settings) };
  }
}

export function growthOf(settings: z.output<typeof growthSchema>): Growth {
  return settings;
}

function pauseOf({ pauseSeconds, byHand }: { pauseSeconds?: number | undefined; byHand: boolean }) {
  return { pauseSeconds: pauseSeconds ?? (byHand ? null : PAUSE_SECONDS), byHand };
}

/** Weights that do not rise, told at their place in the strategy. */
export function risingProblems(strategy: StrategySettings): ConfigProblem[] {
  if (strategy.kind !== 'canary') return [];
  return strategy.steps.flatMap(({ weight: own }, index) => {
    const before = strategy.steps[index - 1]?.weight;
    return before === undefined || before < own
      ? []
      : [
          problem(
            ['steps', index, 'weight'],
            `${own} is not more than the ${before} of the step before: weights must rise`,
          ),
        ];
  });
}

export const strategyChecks: Check[] = [
  {
    reads: ['deployment.strategy'],
    find: ({ deployment: { strategy } }) =>
      risingProblems(strategy).map(({ path, message }) =>
        problem(['deployment', 'strategy', ...path], message),
      ),
  },
  {
    reads: ['deployment.growth', 'fleet.maximum'],
    find: ({ deployment: { growth }, fleet }) =>
      growth.kind === 'proportional' && growth.minimum > fleet.maximum
        ? [
            problem(
              ['deployment', 'growth', 'minimum'],
              `${growth.minimum} is more than fleet.maximum ${fleet.maximum}`,
            ),
          ]
        : [],
  },
];
