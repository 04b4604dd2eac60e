import {
  databaseOf,
  mismatchOf,
  schemaRefusal,
  type Contract,
  type Newcomer,
} from '../../src/domain/database';
import type { Plan } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import { declaredRange, findImages } from './planning';
import type { Session } from './session';

/**
 * Lets a deployment begin only where its release works with the database, once its own expand ran.
 * @throws BasculeError BASCULE_SCHEMA_MISMATCH, or BASCULE_PAST_CONTRACT for a release of before a contract that
 *   declares no range (exit code 2), before anything is touched.
 */
export async function requireNewSchema(session: Session, { version, schema, steps }: Plan): Promise<void> {
  const expands = steps.some((step) => step.kind === 'migrate' && step.phase === 'expand');
  // A release that was never deployed is of after every contract.
  const release = { version, schema: schema ?? null, expands, unknown: Infinity };
  return requireWorking(session, release, 'deploy');
}

/**
 * Lets a rollback begin only where the former release works with the database as it is.
 * @throws BasculeError BASCULE_PAST_CONTRACT or BASCULE_SCHEMA_MISMATCH (exit code 2), before anything is touched.
 */
export async function requireFormerSchema(session: Session, version: string): Promise<void> {
  const schema = declaredRange(await findImages(session.world.images, session, version));
  return requireWorking(session, { version, schema, expands: false, unknown: -Infinity }, 'rollback');
}

interface Unplaced extends Omit<Newcomer, 'deployedAt'> {
  /** When it counts as deployed where no journal tells. */
  unknown: number;
}

async function requireWorking(
  session: Session,
  { unknown, ...release }: Unplaced,
  command: 'deploy' | 'rollback',
): Promise<void> {
  const database = databaseOf(await session.log.read());
  const deployedAt = (await lastDeployed(session, release.version, database.contracts)) ?? unknown;
  const newcomer = { ...release, deployedAt };
  const mismatch = mismatchOf(database, newcomer);
  if (mismatch !== undefined) throw schemaRefusal(session.environment, newcomer, mismatch, command);
}

/**
 * When a release was deployed last, by the journals since the first contract of another one: where it was not since,
 * any earlier time says the same. Undefined where none of them tells.
 */
async function lastDeployed(
  session: Session,
  version: string,
  contracts: readonly Contract[],
): Promise<number | undefined> {
  if (contracts.every((contract) => contract.version === version)) return undefined;
  for (const id of (await session.journal.list()).reverse()) {
    const records = await session.journal.read(id);
    // Its first record was cut off: nothing was done, and nothing is known of it.
    if (records.length === 0) continue;
    const { plan, closed, openedAt } = replay(records);
    const brought = closed?.outcome === 'succeeded' && plan.purpose !== 'retire' && plan.version === version;
    // What was live when another deployment began worked with the database as it was then.
    if (brought || plan.formerVersion === version) return openedAt;
  }
  return undefined;
}
