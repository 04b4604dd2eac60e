/** Rules as plain data and pure functions; what makes policies of Pulumi's of them is in pack.ts. */

/** Stands for what AWS alone will know, in a preview. It breaks no rule: the update looks again, with the value. */
export const UNKNOWN = Symbol('not known before the update');

/** A resource as the engine is about to make it. */
export interface Subject {
  /** For example `aws:lb/listener:Listener`. */
  type: string;
  name: string;
  props: Record<string, unknown>;
}

/** A resource among all of its stack, with what its properties are taken from. */
export interface Member extends Subject {
  urn: string;
  /** URNs by property. */
  sources: Record<string, string[]>;
}

interface Named {
  /** What `--policy-pack-config` calls it. */
  name: string;
  /** One sentence for people. */
  description: string;
  severity: 'low' | 'medium' | 'high' | 'critical';
}

/** A rule for single resources, looked at before each of them is made or changed. */
export interface Rule extends Named {
  types: readonly string[];
  /** What is wrong, each with what to do; empty when all is well. */
  check: (subject: Subject) => string[];
}

/** A rule that takes the whole stack, looked at when all of it is known. */
export interface StackRule extends Named {
  checkAll: (members: readonly Member[]) => { urn: string; message: string }[];
}

export type Props = Record<string, unknown>;

export function isProps(value: unknown): value is Props {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A nested object; empty where there is none. */
export function within(props: Props, name: string): Props {
  const value = props[name];
  return isProps(value) ? value : {};
}

/** The objects of a list; empty where there is none. */
export function objectsIn(props: Props, name: string): Props[] {
  const value = props[name];
  return Array.isArray(value) ? value.filter(isProps) : [];
}

export function textsIn(props: Props, name: string): string[] {
  const value = props[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** AWS says truth as a boolean in one place and as a text in the other; what is not known yet may be true. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === UNKNOWN;
}

/** Said, and false; what is not known yet may be false. */
export function isFalse(value: unknown): boolean {
  return value === false || value === 'false' || value === UNKNOWN;
}

export function numberOf(value: unknown): number | undefined {
  const found = typeof value === 'string' ? Number(value) : value;
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}
