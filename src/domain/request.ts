import { z } from 'zod';
import { holderShape, parsed, type Shape } from './record-shape';
import type { Holder } from './records';

/** What a person asks of a running deployment, from any machine. */
export type RequestKind = 'advance' | 'advance-full' | 'pause' | 'abort';

/** One entry of a deployment's list of requests; the driver takes them up in order and says so in the journal. */
export interface Request {
  /** Position in the list, from 0. */
  sequence: number;
  deployment: string;
  kind: RequestKind;
  /** The step that was under way when it was asked; an `advance` is for this one alone. Null for the others. */
  step: string | null;
  by: Holder;
  /** Unix milliseconds. */
  at: number;
}

const envelope = z.looseObject({
  sequence: z.int().nonnegative(),
  deployment: z.string(),
  kind: z.string(),
  step: z.string().nullable(),
  by: holderShape,
  at: z.number(),
});
const known = z.enum(['advance', 'advance-full', 'pause', 'abort'] satisfies RequestKind[]);

/** Reads one request; one of a kind that a newer version knows is foreign, and nobody's order to this one. */
export function shapeOfRequest(text: string): Shape<Request> {
  const found = envelope.safeParse(parsed(text));
  if (!found.success) return { kind: 'torn' };
  const kind = known.safeParse(found.data.kind);
  if (!kind.success) return { kind: 'foreign', why: `it is of the unknown kind ${found.data.kind}` };
  return { kind: 'whole', value: { ...found.data, kind: kind.data } };
}

/** Who asked what, in a line. */
export function describeRequest({ kind, by }: Request): string {
  return `${by.user} on ${by.host} asked: ${WORDS[kind]}`;
}

const WORDS: Record<RequestKind, string> = {
  advance: 'advance',
  'advance-full': 'advance to the end',
  pause: 'pause',
  abort: 'abort',
};
