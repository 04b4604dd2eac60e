import { createHash, randomBytes } from 'node:crypto';
import type { CheckRequest, Failure } from './plugin';
import type { Naming } from './schema';
import type { Props } from '../rpc/values';

/** The input in which the official providers note which others were filled in by them and not by the program. */
export const DEFAULTS = '__defaults';
const SUFFIX_LENGTH = 7;

/** Gives a resource without a name the one it had, or the logical name with a random suffix. */
export function fillName(naming: Naming, inputs: Props, request: CheckRequest): Failure[] {
  const { property, prefixProperty } = naming;
  if (inputs[property] !== undefined || (prefixProperty && inputs[prefixProperty] !== undefined)) return [];
  const { oldInputs } = request;
  const kept = wasNamedHere(oldInputs, property) ? oldInputs[property] : undefined;
  const name = kept ?? newName(naming, request);
  if (name === undefined) return [{ property, reason: 'is required, because automatic naming is off' }];
  inputs[property] = name;
  inputs[DEFAULTS] = [property];
  return [];
}

/** Whether the name of a resource was made by `fillName`. */
export function wasNamedHere(inputs: Props, property: string): boolean {
  const noted = inputs[DEFAULTS];
  return Array.isArray(noted) && noted.includes(property);
}

function newName(naming: Naming, request: CheckRequest): string | undefined {
  const { autonaming } = request;
  if (autonaming?.mode === 'disable') return undefined;
  if (autonaming?.mode === 'enforce') return autonaming.proposedName;
  if (autonaming?.proposedName) return cut(naming, autonaming.proposedName, naming.maxLength);
  const suffix = suffixOf(request).slice(0, SUFFIX_LENGTH);
  return `${cut(naming, request.name, naming.maxLength - SUFFIX_LENGTH - 1)}-${suffix}`;
}

function suffixOf({ randomSeed, name }: CheckRequest): string {
  if (randomSeed.length === 0) return randomBytes(4).toString('hex');
  return createHash('sha256').update(randomSeed).update(name).digest('hex');
}

function cut({ lowerCase }: Naming, name: string, length: number): string {
  const spelled = lowerCase ? name.toLowerCase() : name;
  return spelled.slice(0, length);
}

/** The name of a resource at its creation: the one given, or its prefix with something unique behind it. */
export function nameAtCreation(
  name: string | undefined,
  prefix: string | undefined,
  maxLength: number,
): string {
  if (name !== undefined) return name;
  const unique = `${Date.now().toString(16)}${randomBytes(8).toString('hex')}`;
  return `${prefix ?? ''}${unique}`.slice(0, maxLength);
}
