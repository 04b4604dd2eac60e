import { z } from 'zod';
import { accessSchema } from './access';
import { approvalsSchema } from './approvals';
import { alarmsSchema, deploymentSchema } from './deployment';
import { bucketName, certificateArn, plainName, region, tags, topicArn } from './fields';
import { fleetSchema } from './fleet';
import { networkSchema } from './network';
import { notificationsSchema } from './notifications';
import { pricesSchema } from './prices';
import { promotionSchema } from './promotion';
import { listenersSchema, loadBalancerSchema, rulesSchema, targetsSchema } from './traffic';
import { windowsSchema } from './windows';

const regionOverride = z.strictObject({
  network: networkSchema.optional().describe('Network of this region instead of `network`.'),
  certificateArn: certificateArn
    .optional()
    .describe('Certificate of this region instead of `listeners.production.certificateArn`.'),
  alarmTopicArn: topicArn.optional().describe('SNS topic of this region instead of `alarms.topicArn`.'),
});

/** The schema of everything that people decide for an environment; `bascule:environment` in its file. */
export const environmentSchema = z
  .strictObject({
    service: plainName
      .max(26)
      .describe('Name of the service; part of the names of most resources. Cannot be changed later.'),
    bucket: bucketName.describe(
      'An S3 bucket that exists: it holds the releases, the journal and the lease of the environment.',
    ),
    account: z
      .string()
      .regex(/^\d{12}$/, 'must be the 12 digits of an AWS account, in quotes')
      .optional()
      .describe(
        'The AWS account the environment belongs to. When given, work with the credentials of another account is refused.',
      ),
    access: accessSchema.optional(),
    regions: z
      .array(region)
      .min(1)
      .refine((all) => new Set(all).size === all.length, 'names the same region twice')
      .describe('AWS regions of the environment, the first to be deployed first.'),
    tags: tags
      .default({})
      .describe('Tags of every resource, besides those that Bascule sets (`service`, `environment` …).'),
    network: networkSchema.default({ kind: 'default' }),
    loadBalancer: loadBalancerSchema,
    listeners: listenersSchema.describe('Where requests come in.'),
    rules: rulesSchema,
    targets: targetsSchema,
    fleet: fleetSchema.describe('The instances of a colour.'),
    deployment: deploymentSchema,
    approvals: approvalsSchema,
    alarms: alarmsSchema,
    prices: pricesSchema,
    promotion: promotionSchema.optional(),
    windows: windowsSchema.optional(),
    notifications: notificationsSchema,
    protection: z
      .boolean()
      .default(true)
      .describe(
        'Whether Pulumi refuses to delete or replace what requests depend on: network, load balancer, listeners, target groups and fleets. `bascule down` lifts it by itself. For a `pulumi destroy` by hand, or to drop a region, set it to false and apply it first.',
      ),
    regionOverrides: z
      .record(region, regionOverride)
      .default({})
      .describe('What differs in a region; its code as the key.'),
  })
  .describe('All that people decide for an environment.');

/** What a file may say: defaults left out. */
export type EnvironmentInput = z.input<typeof environmentSchema>;
/** What the schema makes of it: defaults filled in that don't depend on other fields. */
export type ParsedEnvironment = z.output<typeof environmentSchema>;

/** An environment's configuration with every default filled in and every check passed. */
export interface EnvironmentConfig extends ParsedEnvironment {
  loadBalancer: ParsedEnvironment['loadBalancer'] & { name: string };
  listeners: ParsedEnvironment['listeners'] & {
    production: ParsedEnvironment['listeners']['production'] & {
      port: number;
      /** null when nothing is redirected. */
      redirectFromPort: number | null;
    };
  };
  targets: ParsedEnvironment['targets'] & { name: string };
  fleet: ParsedEnvironment['fleet'] & { desired: number };
  deployment: ParsedEnvironment['deployment'] & {
    drainTimeoutSeconds: number;
    retire: { when: 'after' | 'on-request' | 'never'; afterSeconds: number };
  };
}
