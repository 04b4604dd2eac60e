import { z } from 'zod';

/** What instances cost, so that a preview can say what both colours together cost beside one. */
export const pricesSchema = z
  .strictObject({
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be the three letters of a currency (ISO 4217), such as USD')
      .default('USD')
      .describe('Currency of the prices, by its three letters.'),
    instances: z
      .record(
        z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'must be an instance type such as t3.small'),
        z.number().nonnegative(),
      )
      .describe('Price of one instance per hour, as you pay it; the instance type as the key.'),
  })
  .optional()
  .describe(
    'Prices, for what `bascule preview` says about the cost of both colours at once. Default: none, and nothing is said.',
  );
