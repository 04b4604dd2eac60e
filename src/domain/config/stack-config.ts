import { z } from 'zod';
import { version } from './fields';

/** What the driver decides for a fleet; `bascule:fleet` in the fleet stack's configuration. */
export const fleetStackSchema = z.strictObject({
  version: version.describe('The release the fleet runs.'),
  minimum: z.int().min(0).max(1000).describe('Least instances; pinned during a deployment, 0 when retired.'),
  maximum: z.int().min(0).max(1000).describe('Most instances.'),
  desired: z
    .int()
    .min(0)
    .max(1000)
    .describe('Instances when the fleet is created; later it is Auto Scaling that knows.'),
  allowLiveChange: version
    .optional()
    .describe(
      'Written by hand, and only to insist: the same release as `version`. With it a plain `pulumi up` changes or scales down this fleet although it is live, or the only healthy one, and the fleet is no longer protected from `pulumi destroy`. The next deployment removes it.',
    ),
});

export type FleetStackConfig = z.output<typeof fleetStackSchema>;
