import type { z } from 'zod';
import { CHECKS } from './checks';
import { withDependentDefaults } from './defaults';
import { environmentSchema, type EnvironmentConfig, type ParsedEnvironment } from './environment';
import { bakeSchema, type BakeConfig } from './bake';
import { imageProblems, imageSchema, withImageDefaults } from './image';
import type { ImageConfig } from './image';
import { IMAGE_STACK } from './names';
import { pathText, problemsOf, type ConfigProblem } from './problems';
import { fleetStackSchema } from './stack-config';
import type { Strategy } from '../strategy';
import { risingProblems, strategyOf, strategySchema } from './strategy';
import type { FleetStackConfig } from './stack-config';

export type Parsed<T> = { ok: true; config: T } | { ok: false; problems: ConfigProblem[] };

/**
 * Checks an environment's configuration and fills in its defaults. `raw` is the value under
 * `bascule:environment`; all problems are reported, not the first alone.
 */
export function parseEnvironment(name: string, raw: unknown): Parsed<EnvironmentConfig> {
  const { draft, issues } = parseLeniently(raw);
  const structural = problemsOf(issues, raw);
  const crossing = draft === null ? [] : crossProblems(name, draft, structural);
  const problems = [...nameProblems(name), ...structural, ...crossing];
  if (problems.length > 0 || draft === null) return { ok: false, problems };
  return { ok: true, config: withDependentDefaults(name, draft) };
}

/** Checks what the driver decided for a fleet stack (`bascule:fleet`). */
export function parseFleetStack(raw: unknown): Parsed<FleetStackConfig> {
  const parsed = parseWith(fleetStackSchema, raw);
  if (!parsed.ok) return parsed;
  const { minimum, maximum, desired } = parsed.config;
  return minimum <= desired && desired <= maximum
    ? parsed
    : {
        ok: false,
        problems: [
          {
            path: ['desired'],
            message: `${desired} is not between minimum ${minimum} and maximum ${maximum}`,
          },
        ],
      };
}

/** Checks the image stack's configuration (`bascule:image`). */
export function parseImage(raw: unknown): Parsed<ImageConfig> {
  const parsed = parseWith(imageSchema, raw);
  if (!parsed.ok) return parsed;
  const problems = imageProblems(parsed.config);
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, config: withImageDefaults(parsed.config) };
}

/** Checks what the bake command asks of the image stack (`bascule:bake`). */
export function parseBake(raw: unknown): Parsed<BakeConfig> {
  return parseWith(bakeSchema, raw);
}

/** Checks a strategy by itself, as the command line gives one for a single deployment. */
export function parseStrategy(raw: unknown): Parsed<Strategy> {
  const parsed = parseWith(strategySchema, raw);
  if (!parsed.ok) return parsed;
  const problems = risingProblems(parsed.config);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: strategyOf(parsed.config) };
}

function parseWith<T extends z.ZodType>(schema: T, raw: unknown): Parsed<z.output<T>> {
  const result = schema.safeParse(raw);
  return result.success
    ? { ok: true, config: result.data }
    : { ok: false, problems: problemsOf(result.error.issues, raw) };
}

/** The schema's issues together with the value as far as it could be made out, defaults filled in. */
function parseLeniently(raw: unknown): { draft: ParsedEnvironment | null; issues: z.core.$ZodIssue[] } {
  let draft: ParsedEnvironment | null = null;
  const result = environmentSchema
    .refine(
      (value) => {
        draft = value;
        return true;
      },
      { when: ({ value }) => isMapping(value) },
    )
    .safeParse(raw);
  return { draft, issues: result.success ? [] : result.error.issues };
}

function crossProblems(
  name: string,
  draft: ParsedEnvironment,
  structural: readonly ConfigProblem[],
): ConfigProblem[] {
  // A section that is missing or no mapping was reported, and nothing can be read in it.
  const sections = ['loadBalancer', 'listeners', 'targets', 'fleet', 'deployment'] as const;
  const unreadable = sections.filter((section) => !isMapping(draft[section]));
  const readable = { ...draft } as Record<string, unknown>;
  for (const section of unreadable) readable[section] = {};
  // Others are derived from these two: a value of any other kind may be none that text or a sum can be made of.
  if (typeof readable['service'] !== 'string') readable['service'] = '';
  const targets = readable['targets'] as Record<string, unknown>;
  if (typeof targets['deregistrationDelaySeconds'] !== 'number')
    readable['targets'] = { ...targets, deregistrationDelaySeconds: 0 };
  const config = withDependentDefaults(name, fillListeners(readable) as unknown as ParsedEnvironment);
  const broken = structural.map((problem) => pathText(problem.path).replace(/\[[^\]]*\]/g, ''));
  return CHECKS.filter((check) =>
    check.reads.every((read) => broken.every((path) => !touch(read, path))),
  ).flatMap((check) => check.find(config));
}

/** Sections whose parts other defaults are derived from exist at least as empty mappings. */
function fillListeners(draft: Record<string, unknown>): Record<string, unknown> {
  const part = (owner: unknown, key: string): unknown => {
    const value = isMapping(owner) ? owner[key] : undefined;
    return isMapping(value) ? value : {};
  };
  const { listeners, deployment } = draft;
  return {
    ...draft,
    listeners: {
      ...(listeners as object),
      production: part(listeners, 'production'),
      test: part(listeners, 'test'),
    },
    deployment: { ...(deployment as object), retire: part(deployment, 'retire') },
  };
}

function touch(read: string, broken: string): boolean {
  return read === broken || read.startsWith(`${broken}.`) || broken.startsWith(`${read}.`);
}

function isMapping(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameProblems(name: string): ConfigProblem[] {
  if (name === IMAGE_STACK) {
    return [
      { path: [], message: `an environment cannot be called ${IMAGE_STACK}: that is the stack of the bake` },
    ];
  }
  return /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name)
    ? []
    : [
        {
          path: [],
          message: `${JSON.stringify(name)} cannot be the name of an environment: lower case letters, digits and inner hyphens, a letter first`,
        },
      ];
}
