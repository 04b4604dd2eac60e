import { same } from './compare';
import type { InputSpec } from './schema';
import { isProps, type Props, type Value } from '../rpc/values';

/**
 * What a refresh makes of a resource's inputs: those the program gave, as they are now. An input that still
 * means the same keeps the program's own spelling, so that only true drift shows.
 */
export function projectInputs(
  table: Readonly<Record<string, InputSpec>>,
  given: Props,
  actual: Props,
): Props {
  const projected: Props = {};
  for (const [name, value] of Object.entries(given)) {
    const spec = table[name];
    // The plugin's own notes, and what AWS does not give back, stay as they were.
    if (!spec || !(name in actual)) projected[name] = value;
    else {
      const now = project(spec, value, actual[name]);
      if (now !== undefined) projected[name] = now;
    }
  }
  return projected;
}

function project(spec: InputSpec, given: Value, actual: Value | undefined): Value | undefined {
  if (actual === undefined) return same({ ...spec, computed: false }, given, undefined) ? given : undefined;
  if (same(spec, given, actual)) return given;
  if (spec.type === 'object' && isProps(given) && isProps(actual)) return projectObject(spec, given, actual);
  if (!Array.isArray(given) || !Array.isArray(actual)) return actual;
  const items = spec.items ?? { type: 'string' };
  if (spec.type === 'set') return projectSet(items, given, actual);
  return actual.map((item, at) => {
    const before = given[at];
    return before === undefined ? item : (project(items, before, item) ?? item);
  });
}

function projectObject(spec: InputSpec, given: Props, actual: Props): Props {
  const projected: Props = {};
  for (const [name, value] of Object.entries(given)) {
    const now = project(spec.fields?.[name] ?? { type: 'string' }, value, actual[name]);
    if (now !== undefined) projected[name] = now;
  }
  return projected;
}

/** Pairs the members of a set with what the program gave, by what they mean as far as the program said it. */
function projectSet(items: InputSpec, given: readonly Value[], actual: readonly Value[]): Value[] {
  const left = [...actual];
  const kept: Value[] = [];
  for (const member of given) {
    const at = left.findIndex((candidate) => same(items, member, project(items, member, candidate)));
    if (at < 0) continue;
    kept.push(member);
    left.splice(at, 1);
  }
  return [...kept, ...left];
}

/** What an import makes of a resource's inputs: all that is set and is not merely the default. */
export function importInputs(table: Readonly<Record<string, InputSpec>>, actual: Props): Props {
  const imported: Props = {};
  for (const [name, spec] of Object.entries(table)) {
    const value = actual[name];
    if (value === undefined || value === null) continue;
    if (spec.default === undefined && same({ ...spec, computed: false }, value, undefined)) continue;
    imported[name] = prune(spec, value);
  }
  return imported;
}

function prune(spec: InputSpec, value: Value): Value {
  if (Array.isArray(value)) return value.map((item) => prune(spec.items ?? { type: 'string' }, item));
  return spec.fields && isProps(value) ? importInputs(spec.fields, value) : value;
}
