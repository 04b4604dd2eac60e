import { z } from 'zod';
import { BasculeError } from './errors';
import { eventEnvelope, holderShape, shapeOf, type Shape } from './record-shape';
import type { Holder } from './records';
import { schemaRange, type SchemaRange } from './schema-range';

/** The version of the events' format; a reader refuses events of a newer one. */
export const EVENT_FORMAT = 1;

/** A freeze: no deployment of a release begins or goes on while it is in force. */
export interface Freeze {
  name: string;
  reason: string;
  /** Unix milliseconds; it ends by itself then. */
  until: number;
  /** Who froze, and when, in Unix milliseconds. */
  by: Holder;
  at: number;
}

type Body =
  /** A freeze of the same name is replaced. */
  | { kind: 'frozen'; by: Holder; name: string; reason: string; until: number }
  | { kind: 'thawed'; by: Holder; name: string }
  | { kind: 'freezeOverridden'; by: Holder; name: string; deployment: string }
  /** The lease was taken from its former holder. */
  | { kind: 'unlocked'; by: Holder; former: Holder; deployment: string; why: string; insisted: boolean }
  /**
   * What migrations made of the database is kept here and not in the journals alone: they are read whole for each
   * rollback otherwise, and may be cleared away. `expanded` is written once the command ended well and before the
   * journal calls the step verified, `contracted` once the journal has its intent and before the command begins:
   * a kill between the two never leaves a database that was contracted and is not known to be.
   */
  | Migrated
  /** The contract's command turned out never to have begun. */
  | { kind: 'notContracted'; by: Holder; deployment: string; why: string };

interface Migrated {
  kind: 'expanded' | 'contracted';
  by: Holder;
  deployment: string;
  version: string;
  /** The range that the release declares; null where it declares none. */
  schema: SchemaRange | null;
}

export type EnvironmentEventBody = Body;
export type EnvironmentEventKind = Body['kind'];

/** What happened to an environment beside its deployments. */
export type EnvironmentEvent = Body & {
  format: number;
  /** Position in the log, from 0. */
  sequence: number;
  /** Unix milliseconds. */
  at: number;
};

const by = holderShape;
const name = z.string();
const migrated = z.looseObject({
  by,
  deployment: z.string(),
  version: z.string(),
  schema: schemaRange.nullable(),
});
const BODIES: Record<EnvironmentEventKind, z.ZodType> = {
  frozen: z.looseObject({ by, name, reason: z.string(), until: z.number() }),
  thawed: z.looseObject({ by, name }),
  freezeOverridden: z.looseObject({ by, name, deployment: z.string() }),
  unlocked: z.looseObject({ by, former: by, deployment: z.string(), why: z.string(), insisted: z.boolean() }),
  expanded: migrated,
  contracted: migrated,
  notContracted: z.looseObject({ by, deployment: z.string(), why: z.string() }),
};

/** Reads one event. One of a newer format is whole as it is: `freezesInForce` refuses it. */
export function shapeOfEvent(text: string): Shape<EnvironmentEvent> {
  return shapeOf<EnvironmentEvent>(text, eventEnvelope, BODIES, EVENT_FORMAT);
}

/**
 * The freezes in force at a moment, the one that ends first first. Pure: the same log always gives the same.
 * @throws BasculeError BASCULE_LOG_UNREADABLE when an event was written by a newer Bascule, or one is missing.
 */
export function freezesInForce(events: readonly EnvironmentEvent[], now: number): Freeze[] {
  checkLog(events);
  const freezes = new Map<string, Freeze>();
  for (const event of events) {
    switch (event.kind) {
      case 'frozen': {
        const { name, reason, until, by, at } = event;
        freezes.set(name, { name, reason, until, by, at });
        break;
      }
      case 'thawed':
        freezes.delete(event.name);
        break;
      case 'freezeOverridden':
      case 'unlocked':
      case 'expanded':
      case 'contracted':
      case 'notContracted':
        break;
    }
  }
  return [...freezes.values()]
    .filter((freeze) => freeze.until > now)
    .sort((one, other) => one.until - other.until);
}

/** @throws BasculeError BASCULE_LOG_UNREADABLE when an event was written by a newer Bascule, or one is missing. */
export function checkLog(events: readonly EnvironmentEvent[]): void {
  events.forEach(checkEvent);
}

function checkEvent(event: EnvironmentEvent, index: number): void {
  if (event.format > EVENT_FORMAT)
    throw logUnreadable(
      `event ${event.sequence} is of format ${event.format}; this Bascule reads up to ${EVENT_FORMAT}`,
    );
  if (event.sequence !== index)
    throw logUnreadable(`event ${index} is missing before event ${event.sequence}`);
}

/** An unreadable log may hold a freeze: nothing is deployed past it. */
export function logUnreadable(why: string, cause?: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_LOG_UNREADABLE',
    message: `The environment’s log, which holds its freezes, cannot be read: ${why}.`,
    next: 'Nothing was changed. Restore the object from the bucket’s versions, or use the version of Bascule that wrote it.',
    blame: 'world',
    exitCode: 5,
    cause,
  });
}
