import { createHash } from 'node:crypto';
import type { Plan } from '../records';
import { differences } from './differences';
import { PLAN_SECTIONS, type PlanSection, type PlanSections } from './preview';

const WHOLE_DIGITS = 32;
const SECTION_DIGITS = 4;
const HASH = new RegExp(
  `^plan-[0-9a-f]{${WHOLE_DIGITS}}-[0-9a-f]{${SECTION_DIGITS * PLAN_SECTIONS.length}}$`,
);

/** What each section holds, for people. */
const MEANING: Record<PlanSection, string> = {
  version: 'the release, or what is live',
  config: 'the configuration, or the strategy',
  images: 'the images of the release',
  routes: 'the routes or their weights',
  fleets: 'what is there of the fleets',
  steps: 'the steps',
  stacks: 'what the stacks of the new fleets would do',
};

/**
 * `plan-`, the first 32 digits of the SHA-256 of all sections, and 4 digits of each: the first tell whether two
 * plans are the same, the others which sections of them are not.
 */
export function hashOf(sections: PlanSections): string {
  const parts = PLAN_SECTIONS.map((name) => digest(sections[name]).slice(0, SECTION_DIGITS));
  const whole = digest(PLAN_SECTIONS.map((name) => [name, sections[name]])).slice(0, WHOLE_DIGITS);
  return `plan-${whole}-${parts.join('')}`;
}

export function isPlanHash(text: string): boolean {
  return HASH.test(text);
}

/** A hash of a plan alone, where nobody can say what the stacks would do, as when it was made anew on the way. */
export function planHashOf(plan: Plan): string {
  return `plan-${digest(plan).slice(0, WHOLE_DIGITS)}`;
}

function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

/** JSON with the keys of each object in order, so that the same values always give the same text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

/** A plan as it was approved: its hash, and what it was made of where that is known. */
export interface GivenPlan {
  hash: string;
  sections: PlanSections | null;
}

export interface PlanChange {
  sections: PlanSection[];
  /** One line each: what changed, with the old and the new value where both are known. */
  lines: string[];
}

/** More would hide the beginning. */
const MOST_LINES = 40;

/** What differs between a plan that was given and the one that would run now; null when they are the same. */
export function planChange(given: GivenPlan, now: PlanSections): PlanChange | null {
  const hash = hashOf(now);
  if (given.hash === hash) return null;
  const sections = PLAN_SECTIONS.filter((_, index) => part(given.hash, index) !== part(hash, index));
  const { sections: former } = given;
  if (former === null) return { sections, lines: sections.map((name) => `${name}: ${MEANING[name]}`) };
  const lines = sections.flatMap((name) => differences(name, former[name], now[name]));
  const more = lines.length - MOST_LINES;
  return {
    sections,
    lines: more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more`] : lines,
  };
}

function part(hash: string, index: number): string {
  const from = 'plan-'.length + WHOLE_DIGITS + 1 + index * SECTION_DIGITS;
  return hash.slice(from, from + SECTION_DIGITS);
}
