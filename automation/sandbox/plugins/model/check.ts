import type { Failure } from './plugin';
import type { InputSpec } from './schema';
import { hasUnknown, isProps, isUnknown, UNKNOWN, type Props, type Value } from '../rpc/values';

/** The inputs with defaults filled in and numbers and booleans as such, and every reason why they are wrong. */
export function checkInputs(
  table: Readonly<Record<string, InputSpec>>,
  inputs: Props,
  token: string,
): { inputs: Props; failures: Failure[] } {
  const failures: Failure[] = [];
  const checked = checkFields(
    table,
    inputs,
    '',
    failures,
    (path) => `the sandbox's ${token} has no input '${path}'`,
  );
  return { inputs: checked, failures };
}

function checkFields(
  table: Readonly<Record<string, InputSpec>>,
  given: Props,
  path: string,
  failures: Failure[],
  unknownInput: (path: string) => string,
): Props {
  const checked: Props = {};
  for (const [name, value] of Object.entries(given)) {
    const at = join(path, name);
    const spec = table[name];
    if (name.startsWith('__') || value === null) continue;
    if (!spec) failures.push({ property: at, reason: unknownInput(at) });
    else checked[name] = checkValue(spec, value, at, failures, unknownInput);
  }
  for (const [name, spec] of Object.entries(table)) {
    if (checked[name] !== undefined) reportConflicts(name, spec, checked, path, failures);
    else if (spec.default !== undefined) checked[name] = spec.default;
    else if (spec.required) failures.push({ property: join(path, name), reason: 'is required' });
  }
  return checked;
}

function reportConflicts(
  name: string,
  spec: InputSpec,
  given: Props,
  path: string,
  failures: Failure[],
): void {
  for (const other of spec.conflictsWith ?? []) {
    if (given[other] === undefined) continue;
    failures.push({
      property: join(path, name),
      reason: `cannot be given together with '${join(path, other)}'`,
    });
  }
}

function checkValue(
  spec: InputSpec,
  given: Value,
  path: string,
  failures: Failure[],
  unknownInput: (path: string) => string,
): Value {
  if (isUnknown(given)) return given;
  const value = coerce(spec, given);
  if (isUnknown(value)) return value;
  const reason = typeFault(spec, value) ?? scalarFault(spec, value) ?? lengthFault(spec, value);
  if (reason !== undefined) {
    failures.push({ property: path, reason });
    return value;
  }
  if (Array.isArray(value) && spec.items) {
    const items = spec.items;
    return value.map((item, index) => checkValue(items, item, `${path}[${index}]`, failures, unknownInput));
  }
  if (!isProps(value)) return value;
  if (spec.fields) return checkFields(spec.fields, value, path, failures, unknownInput);
  const items: InputSpec = spec.items ?? { type: 'string' };
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(
    entries.map(([key, item]) => [key, checkValue(items, item, join(path, key), failures, unknownInput)]),
  );
}

/** The official providers take "80" for 80, "true" for true, 80 for "80", and so on. */
function coerce(spec: InputSpec, value: Value): Value {
  if (spec.type === 'integer' || spec.type === 'number') {
    return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
      ? Number(value)
      : value;
  }
  if (spec.type === 'json' && isProps(value)) return hasUnknown(value) ? UNKNOWN : JSON.stringify(value);
  if (spec.type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  if (spec.type === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return String(value);
  return value;
}

function typeFault(spec: InputSpec, value: Value): string | undefined {
  const wrong = (wanted: string) => `must be ${wanted}, but is ${JSON.stringify(value)}`;
  switch (spec.type) {
    case 'string':
      return typeof value === 'string' ? undefined : wrong('a string');
    case 'json':
      return typeof value === 'string' && isJson(value) ? undefined : wrong('a JSON document');
    case 'integer':
      return Number.isInteger(value) ? undefined : wrong('a whole number');
    case 'number':
      return typeof value === 'number' ? undefined : wrong('a number');
    case 'boolean':
      return typeof value === 'boolean' ? undefined : wrong('true or false');
    case 'list':
    case 'set':
      return Array.isArray(value) ? undefined : wrong('a list');
    default:
      return isProps(value) ? undefined : wrong('an object');
  }
}

function scalarFault(spec: InputSpec, value: Value): string | undefined {
  if (typeof value === 'number') {
    const { min = -Infinity, max = Infinity } = spec;
    if (value < min || value > max) return `must be ${rangeWords(spec)}, but is ${value}`;
  }
  if (typeof value === 'string' && spec.pattern && !spec.pattern[0].test(value)) {
    return `must ${spec.pattern[1]}, but is '${value}'`;
  }
  const { oneOf } = spec;
  if (!oneOf) return undefined;
  const same = (option: string | number) =>
    spec.ignoreCase ? String(option).toLowerCase() === String(value).toLowerCase() : option === value;
  return oneOf.some(same) ? undefined : `must be one of ${oneOf.join(', ')}, but is ${JSON.stringify(value)}`;
}

function rangeWords({ min, max }: InputSpec): string {
  if (min === undefined) return `at most ${max}`;
  return max === undefined ? `at least ${min}` : `between ${min} and ${max}`;
}

function lengthFault(spec: InputSpec, value: Value): string | undefined {
  if (typeof value !== 'string' && !Array.isArray(value)) return undefined;
  const unit = typeof value === 'string' ? 'characters' : 'items';
  // An unknown part makes the length of a list no less known, but an unknown item may be dropped later.
  if (spec.maxLength !== undefined && value.length > spec.maxLength) {
    return `must have at most ${spec.maxLength} ${unit}, but has ${value.length}`;
  }
  if (spec.minLength !== undefined && value.length < spec.minLength && !hasUnknown(value)) {
    return `must have at least ${spec.minLength} ${unit}, but has ${value.length}`;
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
