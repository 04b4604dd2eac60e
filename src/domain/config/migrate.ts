import { z } from 'zod';
import type { DeploymentPolicy } from '../plan';
import { seconds } from './fields';

/** Systems Manager user guide, AWS-RunShellScript: `executionTimeout` is 172800 seconds at most. */
const TIMEOUT_LIMIT = 172800;

const hook = z.strictObject({
  command: z
    .array(z.string().min(1))
    .min(1)
    .max(100)
    .describe(
      'Program and arguments; no shell. It exits 0 when the database is as it should be. `BASCULE_MIGRATE_PHASE`, `BASCULE_MIGRATE_FROM`, `BASCULE_MIGRATE_TO`, `BASCULE_VERSION`, `BASCULE_FORMER_VERSION`, `BASCULE_ENVIRONMENT`, `BASCULE_DEPLOYMENT` and `BASCULE_REGION` are in its environment.',
    ),
  on: z
    .enum(['local', 'instance'])
    .default('local')
    .describe(
      "Where it runs: `local`, on the machine that deploys, in the folder and with the environment of Bascule; `instance`, on a healthy instance of the new release in the first region, by Systems Manager, in the release's folder and with its environment.",
    ),
  timeoutSeconds: seconds(1, TIMEOUT_LIMIT)
    .default(900)
    .describe('Seconds until it is ended, with all it started; it has failed then.'),
  repeatable: z
    .boolean()
    .default(true)
    .describe(
      'Whether it may run again when nobody knows how it ended, as after a kill. Migration tools are made for that; with false the deployment halts for a person instead.',
    ),
});

export const migrateSchema = z
  .strictObject({
    expand: hook
      .optional()
      .describe(
        'Adds what the release needs, before traffic moves; the former release goes on working with it. Its failure turns back, traffic untouched.',
      ),
    contract: hook
      .optional()
      .describe(
        'Takes away what only former releases need, after the soak of all regions. Its failure halts; no rollback leads past it to a release that needs what it took.',
      ),
  })
  .optional()
  .describe(
    'Commands that change the database, each once for a deployment. A release declares in `bascule.yaml` the range of schemas it works with.',
  );

/** The hooks as the plan takes them. */
export function hooksOf(settings: z.output<typeof migrateSchema>): Pick<DeploymentPolicy, 'migrate'> {
  if (settings === undefined) return {};
  const { expand, contract } = settings;
  return { migrate: { ...(expand && { expand }), ...(contract && { contract }) } };
}
