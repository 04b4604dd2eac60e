import { z } from 'zod';

/** The versions of the database's schema that something works with, both ends included. */
export interface SchemaRange {
  from: number;
  to: number;
}

const end = z.int('must be a whole number, 0 or more').min(0);

export const schemaRange: z.ZodType<SchemaRange> = z
  .strictObject({ from: end, to: end })
  .refine(({ from, to }) => from <= to, {
    path: ['to'],
    error: ({ input }) => {
      const { from, to } = input as SchemaRange;
      return `${to} is less than schema.from ${from}: the last version of the schema comes after the first`;
    },
  });

/** As an image's tag has it: `4-6`. */
export function rangeText({ from, to }: SchemaRange): string {
  return `${from}-${to}`;
}

/** The range that a tag declares; null where there is none, or not one of Bascule's. */
export function rangeOfTag(text: string | undefined): SchemaRange | null {
  const [, from, to] = /^(\d{1,15})-(\d{1,15})$/.exec(text ?? '') ?? [];
  const range = { from: Number(from), to: Number(to) };
  return from !== undefined && range.from <= range.to ? range : null;
}

/** Whether two ranges have a version in common. */
export function overlaps(one: SchemaRange, other: SchemaRange): boolean {
  return one.from <= other.to && other.from <= one.to;
}
