import { z } from 'zod';
import { RECORD_FORMAT, type JournalRecord, type RecordKind } from './records';

/** What a stored text turned out to be. */
export type Shape<T> =
  | { kind: 'whole'; value: T }
  /** Cut off, or without what belongs to it: writing it never completed. */
  | { kind: 'torn' }
  /** Whole, and of a kind that this Bascule does not know. */
  | { kind: 'foreign'; why: string };

const holder = z.looseObject({
  host: z.string(),
  pid: z.number(),
  user: z.string(),
  job: z.string().nullable(),
});
const reason = z.looseObject({ code: z.string(), message: z.string(), details: z.array(z.string()) });
const person = z.looseObject({ arn: z.string(), userId: z.string(), account: z.string() });
const facts = z.record(z.string(), z.unknown());
const step = z.string();
const plan = z.looseObject({
  purpose: z.string(),
  environment: z.string(),
  service: z.string(),
  version: z.string(),
  formerVersion: z.string().nullable(),
  steps: z.array(z.looseObject({ id: z.string(), kind: z.string(), region: z.string() })),
});

/** What a record of each kind cannot do without; more is kept as it is, for newer versions add to them. */
const BODIES: Record<RecordKind, z.ZodType> = {
  opened: z.looseObject({
    plan,
    holder,
    overrode: z.array(z.string()).optional(),
    planHash: z.string().optional(),
    promoted: z.looseObject({ from: z.string(), deployment: z.string().nullable() }).optional(),
    overrodeWindow: z.string().optional(),
    requester: person.optional(),
    change: z.looseObject({}).optional(),
    channels: z.array(z.string()).optional(),
  }),
  unlocked: z.looseObject({ holder, former: holder, why: z.string() }),
  resumed: z.looseObject({ holder }),
  replanned: z.looseObject({
    plan,
    accepted: z.array(z.looseObject({})),
    adopted: z.array(step),
    direction: z.enum(['forward', 'back']),
    planHash: z.string().optional(),
  }),
  started: z.looseObject({ step, facts: facts.optional() }),
  ran: z.looseObject({ step, facts }),
  verified: z.looseObject({ step, facts }),
  failed: z.looseObject({ step, reason }),
  assessed: z.looseObject({
    step,
    assessments: z.array(
      z.looseObject({ check: z.string(), assessment: z.looseObject({ verdict: z.string() }) }),
    ),
  }),
  asked: z.looseObject({
    request: z.looseObject({ sequence: z.int().nonnegative(), kind: z.string(), by: holder }),
  }),
  approved: z.looseObject({
    step,
    decision: z.enum(['approve', 'reject']),
    by: person,
    comment: z.string(),
    planHash: z.string(),
    saidAt: z.number(),
    object: z.string(),
    ignored: reason.optional(),
  }),
  rollbackRequested: z.looseObject({ reason }),
  undoStarted: z.looseObject({ step }),
  undone: z.looseObject({ step, facts }),
  unrestored: z.looseObject({ step, reason }),
  unreachable: z.looseObject({ step, reason, then: z.enum(['later', 'given-up']) }),
  halted: z.looseObject({ step: step.nullable(), reason }),
  closed: z.looseObject({
    outcome: z.enum(['succeeded', 'failed', 'rolled-back', 'halted']),
    message: z.string(),
    durations: z.record(z.string(), z.number()).optional(),
  }),
};

const envelope = z.looseObject({
  kind: z.string(),
  format: z.int().positive(),
  sequence: z.int().nonnegative(),
  at: z.number(),
});
const recordEnvelope = envelope.extend({ deployment: z.string(), fence: z.int().nonnegative() });

/** Reads one record. One of a newer format is whole as it is: replay says that it cannot be read. */
export function shapeOfRecord(text: string): Shape<JournalRecord> {
  return shapeOf<JournalRecord>(text, recordEnvelope, BODIES, RECORD_FORMAT);
}

/** Reads one entry of a numbered log; `bodies` says what each kind has beside the envelope. */
export function shapeOf<T>(
  text: string,
  head: z.ZodType<z.infer<typeof envelope>>,
  bodies: Record<string, z.ZodType>,
  format: number,
): Shape<T> {
  const found = head.safeParse(parsed(text));
  if (!found.success) return { kind: 'torn' };
  const whole = { kind: 'whole', value: found.data as T } as const;
  if (found.data.format > format) return whole;
  const body = Object.hasOwn(bodies, found.data.kind) ? bodies[found.data.kind] : undefined;
  if (body === undefined) return { kind: 'foreign', why: `it is of the unknown kind ${found.data.kind}` };
  return body.safeParse(found.data).success ? whole : { kind: 'torn' };
}

export { envelope as eventEnvelope, holder as holderShape };

/** Undefined where the text is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
