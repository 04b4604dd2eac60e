import { isProps, isUnknown, type Props } from '../rpc/values';
import type { TagChange } from './schema';

export type Tags = Record<string, string>;

/** The provider's default tags under the resource's own; undefined while one of its own is unknown. */
export function mergeTags(defaults: Tags, own: unknown): Tags | undefined {
  if (isUnknown(own)) return undefined;
  const merged: Tags = { ...defaults };
  for (const [key, value] of Object.entries(isProps(own) ? own : {})) {
    if (isUnknown(value)) return undefined;
    merged[key] = String(value);
  }
  return merged;
}

export function tagChange(before: Tags, all: Tags): TagChange | undefined {
  const set = Object.fromEntries(Object.entries(all).filter(([key, value]) => before[key] !== value));
  const remove = Object.keys(before).filter((key) => !(key in all));
  return Object.keys(set).length + remove.length > 0 ? { set, remove, all } : undefined;
}

/** The resource's own of all its tags: those that the provider's defaults do not explain. */
export function ownTags(all: Tags, defaults: Tags, given: Props | undefined): Tags {
  const own = Object.entries(all).filter(
    ([key, value]) => (given && key in given) || defaults[key] !== value,
  );
  return Object.fromEntries(own);
}

/** Tags as AWS lists them, without those that belong to AWS itself. */
export function fromTagList(list: readonly { Key?: string; Value?: string }[] | undefined): Tags {
  const entries = (list ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const);
  return Object.fromEntries(entries.filter(([key]) => !key.startsWith('aws:')));
}

export function toTagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
