import type { z } from 'zod';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where it is inside the checked value. */
  path: (string | number)[];
  /** What is wrong, with the value found and what would be right. */
  message: string;
}

/** `fleet.minimum`, `rules[0].priority`, `tags["cost center"]`. */
export function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

/** The problems behind a schema's issues, in plain words; an unknown key is a problem of its own. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], raw: unknown): ConfigProblem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, raw, []));
}

function problemsOfIssue(
  issue: z.core.$ZodIssue,
  raw: unknown,
  prefix: (string | number)[],
): ConfigProblem[] {
  const path = [...prefix, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  const found = valueAt(raw, path);
  const at = (message: string): ConfigProblem[] => [{ path, message }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: 'unknown key' }));
    case 'invalid_type':
      return at(
        found === undefined
          ? `missing; ${article(issue.expected)} is required`
          : `${show(found)} is not ${article(issue.expected)}`,
      );
    case 'invalid_value':
      return at(`${show(found)} is not one of ${issue.values.map((value) => show(value)).join(', ')}`);
    case 'too_small':
      return at(tooFew(issue.origin, found, `at least ${issue.minimum}`));
    case 'too_big':
      return at(tooFew(issue.origin, found, `at most ${issue.maximum}`));
    case 'invalid_union':
      return unionProblems(issue, raw, path, found);
    case 'invalid_key':
      return issue.issues.flatMap((inner) => at(`the key ${show(path.at(-1))} ${inner.message}`));
    case 'invalid_format':
      return at(`${show(found)} ${issue.message}`);
    default:
      return at(issue.message);
  }
}

function tooFew(origin: string, found: unknown, limit: string): string {
  if (origin === 'string') return `${show(found)} has ${String(found).length} characters; ${limit} allowed`;
  if (origin === 'array' || origin === 'set') {
    return `has ${Array.isArray(found) ? found.length : 0} entries; ${limit} allowed`;
  }
  return `${show(found)} is out of range: ${limit} allowed`;
}

/** A union's problem is that of its closest branch: the one the value's keys fit best. */
function unionProblems(
  issue: z.core.$ZodIssueInvalidUnion,
  raw: unknown,
  path: (string | number)[],
  found: unknown,
): ConfigProblem[] {
  if (issue.errors.length === 0) {
    const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
    const said = found === undefined ? 'missing' : show(found);
    return [{ path, message: `${said}; must be one of ${options.map((option) => show(option)).join(', ')}` }];
  }
  const unknownKeys = (branch: readonly z.core.$ZodIssue[]): number =>
    branch.filter((inner) => inner.code === 'unrecognized_keys').length;
  const closest = [...issue.errors].sort((a, b) => unknownKeys(a) - unknownKeys(b) || a.length - b.length)[0];
  return (closest ?? []).flatMap((inner) => problemsOfIssue(inner, raw, path));
}

function valueAt(raw: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    raw,
  );
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const TYPE_WORDS: Record<string, string> = {
  string: 'a text (numbers that are meant as text go in quotes)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
};

function article(type: string): string {
  return TYPE_WORDS[type] ?? type;
}
