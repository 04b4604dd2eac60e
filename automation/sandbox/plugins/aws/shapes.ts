import type { InputSpec } from '../model/schema';
import { fromTagList, toTagList } from '../model/tags';
import { isProps, type Props, type Value } from '../rpc/values';

/** Property names whose AWS name is not merely capitalised, and those that hold tags as a map. */
export interface Spelling {
  names?: Readonly<Record<string, string>>;
  tags?: readonly string[];
}

/** AWS calls name the same things in PascalCase; what the program did not give is left out. */
export function toAws<T>(spec: InputSpec, value: unknown, spelling: Spelling = {}): T {
  return down(spec, value as Value, spelling) as T;
}

function down(spec: InputSpec, value: Value, spelling: Spelling): unknown {
  if (Array.isArray(value))
    return value.map((item) => down(spec.items ?? { type: 'string' }, item, spelling));
  if (!isProps(value)) return isFlagText(spec) ? value === 'true' : value;
  if (spec.type === 'map') return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null && item !== '');
  return Object.fromEntries(
    entries.map(([name, item]) => [
      spelling.names?.[name] ?? pascal(name),
      spelling.tags?.includes(name)
        ? toTagList(item as Record<string, string>)
        : down(spec.fields?.[name] ?? { type: 'string' }, item, spelling),
    ]),
  );
}

/** The other way: what AWS answered as properties, as far as the table knows them. */
export function fromAws<T>(spec: InputSpec, answer: unknown, spelling: Spelling = {}): T {
  return up(spec, answer, spelling) as T;
}

function up(spec: InputSpec, answer: unknown, spelling: Spelling): Value | undefined {
  if (answer === undefined || answer === null) return undefined;
  if (Array.isArray(answer)) {
    return answer.map((item) => up(spec.items ?? { type: 'string' }, item, spelling) ?? null);
  }
  if (typeof answer !== 'object') return isFlagText(spec) ? String(answer) : (answer as Value);
  if (!spec.fields) return answer as Props;
  const given = answer as Record<string, unknown>;
  const props: Props = {};
  for (const [name, field] of Object.entries(spec.fields)) {
    const part = given[spelling.names?.[name] ?? pascal(name)];
    const value = spelling.tags?.includes(name)
      ? fromTagList(part as { Key?: string; Value?: string }[] | undefined)
      : up(field, part, spelling);
    if (value !== undefined) props[name] = value;
  }
  return props;
}

function pascal(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function isFlagText(spec: InputSpec): boolean {
  return spec.type === 'string' && spec.oneOf?.includes('true') === true;
}
