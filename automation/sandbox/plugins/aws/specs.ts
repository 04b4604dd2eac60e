import type { InputSpec } from '../model/schema';

/** Inputs that many resource types have. */
export const REGION: InputSpec = { type: 'string', replace: true, computed: true };
export const TAGS: InputSpec = { type: 'map', items: { type: 'string', maxLength: 256 } };
export const CIDR: InputSpec = {
  type: 'string',
  pattern: [/^(\d{1,3}\.){3}\d{1,3}\/([0-9]|[12][0-9]|3[0-2])$/, 'be an IPv4 range such as 10.0.0.0/16'],
};
export const CIDR6: InputSpec = { type: 'string', pattern: [/^[0-9a-fA-F:]+\/\d{1,3}$/, 'be an IPv6 range'] };
export const ARN: InputSpec = { type: 'string', pattern: [/^arn:[\w-]+:/, 'be an ARN'] };
export const STRING: InputSpec = { type: 'string' };
export const FLAG: InputSpec = { type: 'boolean' };
/** The official provider types some booleans as strings. */
export const FLAG_TEXT: InputSpec = { type: 'string', oneOf: ['', 'true', 'false'] };
export const STRINGS: InputSpec = { type: 'set', items: STRING };
export const PORT: InputSpec = { type: 'integer', min: 1, max: 65535 };

/** `spec`, once again with what differs. */
export function as(spec: InputSpec, more: Partial<InputSpec>): InputSpec {
  return { ...spec, ...more };
}

/** A boolean that the official provider types as a string. */
export function flag(text: string | boolean | undefined): boolean | undefined {
  return text === undefined || text === '' ? undefined : text === true || text === 'true';
}

/** The part of a record that is given, so that an SDK call carries nothing that the program did not say. */
export function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
