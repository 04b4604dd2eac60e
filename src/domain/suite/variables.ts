import type { TestPlace } from './gate';
import type { Suite } from './schema';

/** The values of variables by name, as JSON has them. */
export type Scope = ReadonlyMap<string, unknown>;

const PLACEHOLDER = /\{\{\s*([\w.]+)\s*\}\}/g;
const WHOLE = /^\{\{\s*([\w.]+)\s*\}\}$/;

/** What a suite finds as `{{bascule.…}}`. */
const PLACE_NAMES = ['url', 'version', 'region', 'environment', 'deployment', 'when', 'name'] as const;

/** A text with its variables filled in. */
export function fillText(text: string, scope: Scope): string {
  return text.replace(PLACEHOLDER, (_, name: string) => textOf(scope.get(name)));
}

/** A value with the variables of its texts filled in; a text that is one variable becomes that variable's value. */
export function fillValue(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') {
    const name = WHOLE.exec(value)?.[1];
    return name === undefined ? fillText(value, scope) : (scope.get(name) ?? '');
  }
  if (Array.isArray(value)) return value.map((one) => fillValue(one, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [fillText(key, scope), fillValue(one, scope)]),
  );
}

/** Any value as a text: a text as it is, everything else as JSON. */
export function textOf(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a suite begins with. Its own variables may use those of the environment, and those before them. */
export function firstScope(
  suite: Suite,
  place: TestPlace,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, unknown> {
  const scope = new Map<string, unknown>(PLACE_NAMES.map((name) => [`bascule.${name}`, place[name]]));
  for (const name of environmentNames(suite)) scope.set(`env.${name}`, environment[name] ?? '');
  for (const [name, value] of Object.entries(suite.variables)) scope.set(name, fillValue(value, scope));
  return scope;
}

/** The variables of the environment that a suite needs. */
export function environmentNames(suite: Suite): string[] {
  const names = namesIn(suite).flatMap((name) =>
    name.startsWith('env.') ? [name.slice('env.'.length)] : [],
  );
  return [...new Set(names)];
}

function namesIn(value: unknown): string[] {
  return [...JSON.stringify(value ?? null).matchAll(PLACEHOLDER)].flatMap((match) => match[1] ?? []);
}

/** One thing that is wrong with a suite, and where. */
export interface SuiteProblem {
  path: (string | number)[];
  message: string;
}

/** Variables that a suite uses and nobody gives a value by then. */
export function variableProblems(suite: Suite): SuiteProblem[] {
  const known = new Set<string>(PLACE_NAMES.map((name) => `bascule.${name}`));
  const problems: SuiteProblem[] = [];
  const look = (path: (string | number)[], value: unknown): void => {
    const unknown = namesIn(value).filter((name) => !known.has(name) && !/^env\.[A-Za-z_]\w*$/.test(name));
    for (const name of new Set(unknown))
      problems.push({
        path,
        message: `{{${name}}} is no variable here: give it under variables, or capture it in a request before`,
      });
  };
  for (const [name, value] of Object.entries(suite.variables)) {
    look(['variables', name], value);
    known.add(name);
  }
  suite.requests.forEach((request, index) => {
    const { capture, expect, ...sent } = request;
    for (const [key, value] of Object.entries(sent)) look(['requests', index, key], value);
    look(['requests', index, 'expect'], expect);
    for (const name of Object.keys(capture)) known.add(name);
  });
  return problems;
}

/** Takes secrets out of texts that people get to see, in each way that a request may have written them. */
export class Redactor {
  private readonly secrets: string[];

  constructor(values: readonly string[]) {
    const written = values.flatMap((value) => [
      value,
      encodeURIComponent(value),
      new URLSearchParams({ '': value }).toString().slice(1),
      JSON.stringify(value).slice(1, -1),
    ]);
    // The longest first: one may be a part of another.
    this.secrets = [...new Set(written)].filter((one) => one !== '').sort((a, b) => b.length - a.length);
  }

  /** Of what a suite takes from the environment. */
  static of(suite: Suite, environment: Readonly<Record<string, string | undefined>>): Redactor {
    return new Redactor(environmentNames(suite).flatMap((name) => environment[name] ?? []));
  }

  redact(text: string): string {
    return this.secrets.reduce((left, secret) => left.replaceAll(secret, '***'), text);
  }
}
