import type { Change } from './plugin';
import type { InputSpec } from './schema';
import { hasUnknown, isProps, isUnknown, type Props, type Value } from '../rpc/values';

type Maybe = Value | undefined;

/** Compares checked inputs one by one, down to the single value that differs. */
export function compareInputs(
  table: Readonly<Record<string, InputSpec>>,
  before: Props,
  after: Props,
): Change[] {
  return Object.entries(table).flatMap(([name, spec]) => {
    const found = compare(spec, before[name], after[name], name);
    // A replacement is decided for the whole input, wherever in it the difference lies.
    return spec.replace ? found.map((change) => ({ ...change, replace: true })) : found;
  });
}

function compare(spec: InputSpec, before: Maybe, after: Maybe, path: string): Change[] {
  if (same(spec, before, after)) return [];
  if (before === undefined) return [{ path, kind: 'add', replace: false }];
  if (after === undefined) return [{ path, kind: 'delete', replace: false }];
  if (isProps(before) && isProps(after)) return compareMembers(spec, before, after, path);
  if (spec.type === 'list' && Array.isArray(before) && Array.isArray(after)) {
    const items = spec.items ?? { type: 'string' };
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, at) => compare(items, before[at], after[at], `${path}[${at}]`)).flat();
  }
  return [{ path, kind: 'update', replace: false }];
}

function compareMembers(spec: InputSpec, before: Props, after: Props, path: string): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const member = spec.fields?.[name] ?? spec.items ?? { type: 'string' };
    const at = /^[\w$]+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
    return compare(member, before[name], after[name], at);
  });
}

/** Whether two values of an input mean the same to AWS. */
export function same(spec: InputSpec, before: Maybe, after: Maybe): boolean {
  if (hasUnknown(after) || hasUnknown(before)) return isUnknown(before) && isUnknown(after);
  if (after === undefined && spec.computed) return true;
  if (isNothing(spec, before) && isNothing(spec, after)) return true;
  return canonical(spec, before) === canonical(spec, after);
}

/** As in Terraform's schema: not given, empty and the type's zero are one, where there is no default. */
function isNothing(spec: InputSpec, value: Maybe): boolean {
  if (value === undefined || value === null) return true;
  if (spec.default !== undefined || spec.computed) return value === spec.default;
  if (Array.isArray(value)) return value.length === 0;
  if (isProps(value)) return Object.keys(value).length === 0;
  return value === '' || value === false || value === 0 || (spec.type === 'string' && value === 'false');
}

function canonical(spec: InputSpec, value: Maybe): string {
  if (value === undefined || value === null) return '';
  if (spec.type === 'json' && typeof value === 'string') return canonicalJson(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(spec.items ?? { type: 'string' }, item));
    return JSON.stringify(spec.type === 'set' ? items.sort() : items);
  }
  if (!isProps(value)) return spec.ignoreCase ? String(value).toLowerCase() : String(value);
  const members = Object.entries(value)
    .map(([name, item]) => ({
      name,
      item,
      spec: spec.fields?.[name] ?? spec.items ?? ({ type: 'string' } as const),
    }))
    .filter((member) => !isNothing(member.spec, member.item))
    .map((member) => [member.name, canonical(member.spec, member.item)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(members);
}

function canonicalJson(text: string): string {
  try {
    return JSON.stringify(sortKeys(JSON.parse(text) as Value));
  } catch {
    return text;
  }
}

function sortKeys(value: Value): Value {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isProps(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}

/** Whether a change lies at or below one of the paths that the program wants ignored. */
export function isIgnored(change: Change, ignoreChanges: readonly string[]): boolean {
  const segments = segmentsOf(change.path);
  return ignoreChanges.some((ignored) => {
    const prefix = segmentsOf(ignored);
    return (
      prefix.length <= segments.length && prefix.every((part, at) => part === '*' || part === segments[at])
    );
  });
}

function segmentsOf(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[([^\]]+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted ?? index ?? name ?? '',
  );
}
