import type { Filter } from '@aws-sdk/client-ec2';
import { isProps, type Props, type Value } from '../../rpc/values';

export function text(args: Props, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function texts(args: Props, name: string): string[] | undefined {
  const value = args[name];
  return Array.isArray(value) ? value.map(String) : undefined;
}

export function tagsArgument(args: Props): Record<string, string> {
  const value = args.tags;
  return isProps(value) ? (value as Record<string, string>) : {};
}

/** EC2 filters of a lookup: its `filters`, its `tags`, and the arguments that stand for a filter of their own. */
export function filtersOf(args: Props, named: Readonly<Record<string, string>> = {}): { Filters?: Filter[] } {
  const given = Array.isArray(args.filters) ? args.filters : [];
  const Filters: Filter[] = [
    ...given
      .filter(isProps)
      .map((filter) => ({ Name: String(filter.name), Values: valuesOf(filter.values) })),
    ...Object.entries(tagsArgument(args)).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
    ...Object.entries(named).flatMap(([argument, Name]) => {
      const value = args[argument];
      return value === undefined || value === null || value === '' ? [] : [{ Name, Values: [String(value)] }];
    }),
  ];
  return Filters.length > 0 ? { Filters } : {};
}

function valuesOf(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** The one thing that a lookup found; the official provider refuses none and several alike. */
export function only<T>(found: readonly T[] | undefined, what: string): T {
  const [first, ...others] = found ?? [];
  if (first === undefined) throw new Error(`no matching ${what} found`);
  if (others.length > 0) {
    throw new Error(
      `multiple ${what}s matched (${others.length + 1}); use additional constraints to reduce matches to one`,
    );
  }
  return first;
}

/** The arguments of a lookup, which its result repeats. */
export function echo(args: Props): Props {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
}
