import { checkLog, type EnvironmentEvent } from './environment-log';
import { BasculeError } from './errors';
import { overlaps, rangeText, type SchemaRange } from './schema-range';

/** A contract that was begun: from then on the database may be without what former releases need. */
export interface Contract {
  deployment: string;
  /** The release that it was run for. */
  version: string;
  /** Null where the release declares no range: what the contract took away is then known to nobody. */
  schema: SchemaRange | null;
  /** Unix milliseconds. */
  at: number;
}

/** The database of an environment, as far as its migrations told. */
export interface Database {
  /** The versions of the schema that it serves; null while no migration declared a range. */
  range: SchemaRange | null;
  /** Contracts that were begun, oldest first. */
  contracts: Contract[];
}

/**
 * The database by the environment's log. Pure: the same log always gives the same. An expand moves the upper end
 * to the last version that its release works with, a contract the lower end to the first; neither goes back.
 */
export function databaseOf(events: readonly EnvironmentEvent[]): Database {
  checkLog(events);
  const contracts = contractsOf(events);
  const began = contracts.flatMap(({ schema }) => (schema === null ? [] : [schema.from]));
  const reached = events.flatMap((event) =>
    event.kind === 'expanded' && event.schema !== null ? [event.schema.to] : [],
  );
  if (began.length + reached.length === 0) return { range: null, contracts };
  const from = Math.max(0, ...began);
  return { range: { from, to: Math.max(from, ...reached) }, contracts };
}

/** One that turned out never to have begun does not count; one that was repeated counts once, as the last. */
function contractsOf(events: readonly EnvironmentEvent[]): Contract[] {
  const contracts = new Map<string, Contract>();
  for (const event of events) {
    if (event.kind !== 'contracted' && event.kind !== 'notContracted') continue;
    contracts.delete(event.deployment);
    const { deployment, at } = event;
    if (event.kind === 'contracted')
      contracts.set(deployment, { deployment, at, version: event.version, schema: event.schema });
  }
  return [...contracts.values()];
}

/** A release as it is to meet the database. */
export interface Newcomer {
  version: string;
  /** Null where it declares none. */
  schema: SchemaRange | null;
  /** When it was deployed last, in Unix milliseconds: Infinity if never, -Infinity where that is not known. */
  deployedAt: number;
  /** Whether its own expand runs before it gets any request. */
  expands: boolean;
}

/** Why a release does not work with a database. */
export type Mismatch =
  | { kind: 'past-contract'; contract: Contract }
  /** The database does not have what the release needs yet. */
  | { kind: 'not-expanded'; range: SchemaRange };

/** Why a release does not work with the database; undefined where nothing that is known speaks against it. */
export function mismatchOf({ range, contracts }: Database, release: Newcomer): Mismatch | undefined {
  const { schema, version, deployedAt } = release;
  const contract = contracts.findLast((one) =>
    schema !== null && one.schema !== null
      ? one.schema.from > schema.to
      : // Without both ranges only the order tells: whoever was there before may need what was taken away.
        one.version !== version && one.at > deployedAt,
  );
  if (contract !== undefined) return { kind: 'past-contract', contract };
  if (schema === null || range === null || release.expands || overlaps(schema, range)) return undefined;
  return { kind: 'not-expanded', range };
}

/** The refusal of a release that does not work with the database, by the command that was to bring it. */
export function schemaRefusal(
  environment: string,
  { version, schema }: Newcomer,
  mismatch: Mismatch,
  command: 'deploy' | 'rollback',
): BasculeError {
  const works = schema === null ? 'declares no schema range' : `works with schema ${rangeText(schema)}`;
  if (mismatch.kind === 'not-expanded')
    return new BasculeError({
      code: 'BASCULE_SCHEMA_MISMATCH',
      message: `${version} does not work with the database of ${environment}: it ${works}, and the database is expanded to ${mismatch.range.to} only.`,
      next: 'Let the deployment expand it (`deployment.migrate.expand`), or bake a release that works with what is there. Nothing was changed.',
    });
  const { contract } = mismatch;
  const took =
    contract.schema === null
      ? `which declares no schema range, so that what it took away is not known`
      : `which works with schema ${rangeText(contract.schema)}: nothing before ${contract.schema.from} is left`;
  const what = `${version} ${works}, and deployment ${contract.deployment} ran the contract of ${contract.version} at ${new Date(contract.at).toISOString()}, ${took}`;
  // Who deploys a release of another range is told of the ranges; who goes back, of the point that was passed.
  const ranges = command === 'deploy' && schema !== null;
  return new BasculeError({
    code: ranges ? 'BASCULE_SCHEMA_MISMATCH' : 'BASCULE_PAST_CONTRACT',
    message: ranges
      ? `${version} does not work with the database of ${environment} any more: ${what}.`
      : `${environment} cannot go back to ${version} past a contract of the database: ${what}.`,
    next: 'Go forward: deploy a release that works with the database as it is and declares so in its bascule.yaml. Nothing was changed.',
  });
}
