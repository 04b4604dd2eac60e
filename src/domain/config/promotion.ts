import { z } from 'zod';
import { problem, type Check } from './check';
import { plainName, region } from './fields';
import { kmsKey } from './image';

/** What a release must have gone through before; `bascule:environment.promotion`. */
export const promotionSchema = z
  .strictObject({
    from: plainName.describe(
      'The environment that a release comes from: it must have succeeded there. The chain of them is the order of the environments.',
    ),
    soakSeconds: z
      .int()
      .min(0)
      .max(90 * 86_400)
      .default(0)
      .describe(
        'How long a release must have been live there, from when its deployment succeeded until now or until it was replaced.',
      ),
    tests: z
      .boolean()
      .default(true)
      .describe('Whether all tests of that deployment (`deployment.tests`) must have passed there.'),
    kmsKeys: z
      .record(region, kmsKey)
      .default({})
      .describe(
        "KMS key by region for copies of encrypted images in this environment's account. Default: the account's own key for EBS, and then they cannot go on to another account.",
      ),
  })
  .describe(
    'Where releases come from: `bascule promote` brings them, and `bascule deploy` is refused. Default: any release may be deployed.',
  );

export type PromotionConfig = z.output<typeof promotionSchema>;

export const promotionChecks: Check[] = [
  {
    reads: ['promotion', 'regions'],
    find: ({ promotion, regions }) =>
      Object.keys(promotion?.kmsKeys ?? {})
        .filter((one) => !regions.includes(one))
        .map((one) => problem(['promotion', 'kmsKeys', one], `is not one of regions: ${regions.join(', ')}`)),
  },
];
