import type { AwsClients } from './aws';
import type { ResourcePlan } from './stack-state';

export type Inputs = Readonly<Record<string, unknown>>;
export type Tags = Readonly<Record<string, string>>;

/** A resource that exists in AWS. */
export interface Found {
  /** The id or ARN by which it is imported and by which a stack records it. */
  id: string;
  /** Undefined for what has no tags and is told by its content alone. */
  tags?: Tags;
}

/** How to find what a create made. */
export interface Lookup {
  kind: 'lookup';
  find(inputs: Inputs, clients: AwsClients): Promise<Found[]>;
  /** Removes what must be made anew rather than adopted; false when something uses it already. */
  remove?(found: Found, clients: AwsClients): Promise<boolean>;
  /** AWS gladly makes a second one, so a search that comes too early must be made again. */
  doubles?: true;
  /** Belongs to no region. */
  global?: true;
}

/** What to do about a create that was begun and perhaps took effect; repeatable: doing it again changes nothing. */
export type Search = { kind: 'repeatable' } | Lookup;

/** The tags by which Bascule and people tell resources apart (stacks/settings.ts, tagsOf). */
const IDENTITY = ['service', 'environment', 'colour', 'Name'] as const;

/** Of a plan's tags those that say whose it is; a list of key and value is how Auto Scaling groups have them. */
export function identityOf(inputs: Inputs): Tags {
  const { tags } = inputs;
  const all: Record<string, unknown> = Array.isArray(tags)
    ? Object.fromEntries((tags as { key: string; value: unknown }[]).map(({ key, value }) => [key, value]))
    : ((tags ?? {}) as Record<string, unknown>);
  return Object.fromEntries(
    IDENTITY.flatMap((key) => (typeof all[key] === 'string' ? [[key, all[key]] as const] : [])),
  );
}

/** Whether a resource is what the plan was to make: not recorded anywhere, and marked as ours. */
export function isWhatWasPlanned(
  found: Found,
  plan: Pick<ResourcePlan, 'inputs'>,
  recorded: ReadonlySet<string>,
): boolean {
  if (recorded.has(found.id)) return false;
  if (found.tags === undefined) return true;
  const identity = Object.entries(identityOf(plan.inputs ?? {}));
  // Without marks of ours nothing can be told to be ours.
  return identity.length > 0 && identity.every(([key, value]) => found.tags?.[key] === value);
}
