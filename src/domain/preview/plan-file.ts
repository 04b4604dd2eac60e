import { z } from 'zod';
import { BasculeError } from '../errors';
import type { Strategy } from '../strategy';
import { hashOf, type GivenPlan } from './hash';
import { PREVIEW_FORMAT } from './preview';

/** What a deployment takes from the preview that was approved. */
export interface PlanFile extends GivenPlan {
  environment: string;
  version: string;
  strategy: Strategy;
}

const pauses = { pauseSeconds: z.number().nullable(), byHand: z.boolean() };
const strategyShape = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all-at-once') }),
  z.strictObject({
    kind: z.literal('canary'),
    steps: z.array(z.strictObject({ percent: z.number(), ...pauses })),
  }),
  z.strictObject({ kind: z.literal('linear'), percent: z.number(), ...pauses }),
]) satisfies z.ZodType<Strategy>;

const section = z.record(z.string(), z.unknown());
const fileShape = z.looseObject({
  environment: z.string(),
  version: z.string(),
  hash: z.string(),
  sections: z.strictObject({
    version: section,
    config: z.looseObject({ strategy: strategyShape }),
    images: section,
    routes: section,
    fleets: section,
    steps: section,
    stacks: section,
  }),
});

/**
 * Reads what `bascule preview --format json` wrote. `name` is the file's, for messages.
 * @throws BasculeError BASCULE_PLAN_UNREADABLE (exit code 2).
 */
export function planFile(name: string, text: string): PlanFile {
  const raw = jsonOf(text);
  if (raw === undefined) throw unreadable(name, 'it is not JSON');
  const head = z.looseObject({ format: z.number(), hash: z.string().nullable() }).safeParse(raw);
  if (!head.success) throw unreadable(name, 'it is not what `bascule preview --format json` prints');
  const { format, hash } = head.data;
  if (format !== PREVIEW_FORMAT)
    throw unreadable(name, `it is of format ${format}, and this Bascule reads format ${PREVIEW_FORMAT}`);
  if (hash === null)
    throw unreadable(name, 'it has no plan: nothing was to be done, or not all could be seen');
  const parsed = fileShape.safeParse(raw);
  if (!parsed.success) throw unreadable(name, z.prettifyError(parsed.error));
  const { environment, version, sections } = parsed.data;
  if (hashOf(sections) !== hash)
    throw unreadable(name, 'it was changed after it was made: its hash is not that of what it holds');
  return { environment, version, strategy: sections.config.strategy, hash, sections };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreadable(name: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PLAN_UNREADABLE',
    message: `${name} holds no plan that could be deployed: ${why}.`,
    next: 'Give a plan’s hash, or a file that `bascule preview <environment> --version <version> --format json` wrote. Nothing was changed.',
  });
}
