import type { DeploymentState } from './replay';
import type { Migrate } from './step';

/** What becomes of a migration that did not end well: the codes that it fails or halts with. */
export const MIGRATION_HALTS = {
  failed: 'BASCULE_MIGRATION_FAILED',
  /** A second request to stop ended it. */
  ended: 'BASCULE_MIGRATION_ENDED',
  /** Its intent is recorded, its result is not, and it must not be repeated unasked. */
  unknown: 'BASCULE_MIGRATION_UNKNOWN',
} as const;

/** What a migration's command finds in its environment; empty where there is no such thing. */
export function migrationEnvironment(
  { phase, schema, version, region }: Migrate,
  { deployment, plan }: Pick<DeploymentState, 'deployment' | 'plan'>,
): Record<string, string> {
  return {
    BASCULE_MIGRATE_PHASE: phase,
    BASCULE_MIGRATE_FROM: schema === null ? '' : String(schema.from),
    BASCULE_MIGRATE_TO: schema === null ? '' : String(schema.to),
    BASCULE_VERSION: version,
    BASCULE_FORMER_VERSION: plan.formerVersion ?? '',
    BASCULE_ENVIRONMENT: plan.environment,
    BASCULE_DEPLOYMENT: deployment,
    BASCULE_REGION: region,
  };
}

/**
 * Names one run of a migration on an instance: the same after a kill, so that the run under way is found, and
 * another one where it is begun anew.
 */
export function migrationName({ id }: Migrate, deployment: string, startedAt: number): string {
  return `bascule ${deployment} ${id} ${startedAt.toString(36)}`;
}

/** Lines of a command's output that are kept: enough to see where it stood, and a record of the journal stays small. */
const KEPT_LINES = 12;

/** The end of what a command printed. */
export function lastLines(output: string): string[] {
  return output
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-KEPT_LINES);
}
