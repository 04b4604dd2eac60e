import { Struct } from 'google-protobuf/google/protobuf/struct_pb';

/** A property value as the engine sends it, with secrets unwrapped. */
export type Value = string | number | boolean | null | Value[] | Props;

/** The properties of a resource: its inputs or its outputs. */
export interface Props {
  [name: string]: Value;
}

/** What the engine sends, and wants to be sent, for a value that is known only after the update. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** The engine has a marker of its own for unknown booleans, numbers, lists and objects. */
const UNKNOWNS = new Set([
  UNKNOWN,
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

/** Properties from the wire: plain values, and the names of the top-level ones that hold a secret. */
export interface Decoded {
  props: Props;
  secrets: Set<string>;
}

export function isUnknown(value: unknown): boolean {
  return typeof value === 'string' && UNKNOWNS.has(value);
}

/** Whether a value is unknown or has something unknown in it. */
export function hasUnknown(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknown);
  if (typeof value === 'object' && value !== null) return Object.values(value).some(hasUnknown);
  return isUnknown(value);
}

export function isProps(value: unknown): value is Props {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function decode(struct: Struct | undefined): Decoded {
  const raw = struct?.toJavaScript() ?? {};
  const props: Props = {};
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(raw)) {
    props[name] = unwrap(value, () => secrets.add(name));
  }
  return { props, secrets };
}

/** To the wire; what `secrets` names is wrapped as a secret, and what is undefined is left out. */
export function encode(props: object, secrets?: ReadonlySet<string>): Struct {
  const plain: Props = {};
  for (const [name, value] of Object.entries(props)) {
    const cleaned = clean(value);
    if (cleaned === undefined) continue;
    plain[name] = secrets?.has(name) ? { [SIGNATURE]: SECRET, value: cleaned } : cleaned;
  }
  return Struct.fromJavaScript(plain);
}

function unwrap(value: Value, onSecret: () => void): Value {
  if (Array.isArray(value)) return value.map((item) => unwrap(item, onSecret));
  if (!isProps(value)) return value;
  if (value[SIGNATURE] === SECRET) {
    onSecret();
    return unwrap(value.value ?? null, onSecret);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unwrap(item, onSecret)]));
}

function clean(value: unknown): Value | undefined {
  if (value === undefined) return undefined;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => clean(item) ?? null);
  if (typeof value !== 'object' || value === null) return value as Value;
  const cleaned: Props = {};
  for (const [key, item] of Object.entries(value)) {
    const plain = clean(item);
    if (plain !== undefined) cleaned[key] = plain;
  }
  return cleaned;
}
