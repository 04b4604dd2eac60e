/** The smallest parts of two values that differ, so that a person sees what changes and not all that stays. */
import type { PropertyChange } from './preview';

type Pair = Pick<PropertyChange, 'path' | 'before' | 'after'>;
type Properties = Record<string, unknown>;

/** Goes down as long as both have the same shape; empty where they are equal. */
export function innermost(path: string, before: unknown, after: unknown): Pair[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return inLists(path, before, after);
  if (isProperties(before) && isProperties(after) && sameNames(before, after)) {
    return Object.keys(before).flatMap((name) => innermost(`${path}.${name}`, before[name], after[name]));
  }
  return [{ path, before, after }];
}

function inLists(path: string, before: unknown[], after: unknown[]): Pair[] {
  const [byKey, nowByKey] = [keyed(before), keyed(after)];
  if (byKey !== undefined && nowByKey !== undefined && sameNames(byKey, nowByKey)) {
    return Object.keys(byKey).flatMap((key) =>
      innermost(`${path}[${JSON.stringify(key)}]`, byKey[key], nowByKey[key]),
    );
  }
  if (before.length !== after.length) return [{ path, before, after }];
  return before.flatMap((value, index) => innermost(`${path}[${index}]`, value, after[index]));
}

/** A list of tags and the like, by their keys: AWS gives them in an order of its own. */
function keyed(list: unknown[]): Properties | undefined {
  const entries = list.flatMap((one) =>
    isProperties(one) && typeof one['key'] === 'string' ? [[one['key'], one] as const] : [],
  );
  const byKey = Object.fromEntries(entries);
  return Object.keys(byKey).length === list.length ? byKey : undefined;
}

/** Of a text of several lines, only those that differ; `…` stands for the others. */
export function withinTexts(change: PropertyChange): PropertyChange {
  const { before, after } = change;
  if (!isLong(before) || !isLong(after) || before === after) return change;
  const [old, now] = [before.split('\n'), after.split('\n')];
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const part = (lines: string[]): string =>
    [...(head > 0 ? ['…'] : []), ...lines.slice(head, lines.length - tail), ...(tail > 0 ? ['…'] : [])].join(
      '\n',
    );
  return { ...change, before: part(old), after: part(now) };
}

function isLong(value: unknown): value is string {
  return typeof value === 'string' && value.includes('\n');
}

function sameNames(one: object, other: object): boolean {
  return Object.keys(one).sort().join('\n') === Object.keys(other).sort().join('\n');
}

function isProperties(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
