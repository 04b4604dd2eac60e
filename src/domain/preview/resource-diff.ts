/** What the engine's steps mean for people: pure, from its events to the changes of resources. */
import type { PropertyChange, ResourceChange, ResourceOperation } from './preview';
import { decoded, readable, togetherHidden } from './engine-values';
import { innermost, withinTexts } from './inner-changes';

/** One step of an update that the engine would run, as its events tell it (`resourcePreEvent`). */
export interface EngineStep {
  op: string;
  urn: string;
  type: string;
  old?: EngineState | undefined;
  new?: EngineState | undefined;
  /** The properties that force a replacement. */
  keys?: readonly string[] | undefined;
  /** The properties that differ; only their first names. */
  diffs?: readonly string[] | undefined;
  /** By path. */
  detailedDiff?: Readonly<Record<string, { diffKind: string; inputDiff?: boolean }>> | null | undefined;
}

export interface EngineState {
  /** Absent of a component, which exists in the state alone. */
  custom?: boolean | undefined;
  protect?: boolean | undefined;
  inputs?: Properties | undefined;
  outputs?: Properties | undefined;
}

type Properties = Readonly<Record<string, unknown>>;

export interface ResourceChanges {
  /** Sorted by type and name. */
  resources: ResourceChange[];
  unchanged: number;
}

/**
 * A replacement is several steps, of which one tells all: the engine says `replace`, `create-replacement` and
 * `delete-replaced`, in the order of what it would do.
 */
const OPERATIONS: Readonly<Record<string, ResourceOperation>> = {
  create: 'create',
  import: 'create',
  update: 'update',
  replace: 'replace',
  'create-replacement': 'replace',
  'import-replacement': 'replace',
  delete: 'delete',
  // Without the others: what an earlier, broken off replacement has left.
  'delete-replaced': 'delete',
};

/** Without what exists in the state alone: components, providers, the stack and its references to others. */
export function resourceChanges(steps: readonly EngineStep[]): ResourceChanges {
  const real = steps.filter(isReal);
  const replaced = new Set(real.filter(({ op }) => OPERATIONS[op] === 'replace').map(({ urn }) => urn));
  const changes = new Map<string, ResourceChange>();
  for (const step of real) {
    const operation = OPERATIONS[step.op];
    if (operation === undefined || (operation === 'delete' && replaced.has(step.urn))) continue;
    changes.set(`${step.type} ${nameOf(step.urn)} ${operation}`, {
      operation,
      type: step.type,
      name: nameOf(step.urn),
      properties: propertiesOf(step, operation),
    });
  }
  return {
    resources: [...changes].sort(byKey).map(([, change]) => change),
    unchanged: real.filter(({ op }) => op === 'same').length,
  };
}

function isReal(step: EngineStep): boolean {
  return !step.type.startsWith('pulumi:') && (step.new ?? step.old)?.custom === true;
}

/**
 * Why the engine would refuse steps that it shows because they were taken for unprotected: it neither deletes nor
 * replaces what is protected, unless the same update takes the protection from what it replaces.
 */
export function protectionRefusals(
  steps: readonly EngineStep[],
  isProtected: (urn: string) => boolean,
): string[] {
  return resourceChanges(
    steps.filter(
      (step) => isProtected(step.urn) && (OPERATIONS[step.op] === 'delete' || step.new?.protect === true),
    ),
  )
    .resources.filter(({ operation }) => operation === 'replace' || operation === 'delete')
    .map(
      ({ operation, type, name }) =>
        `${type} ${name} is protected: the engine refuses to ${operation} it while \`protection\` is on`,
    );
}

function nameOf(urn: string): string {
  return urn.split('::').slice(3).join('::');
}

function propertiesOf(step: EngineStep, operation: ResourceOperation): PropertyChange[] {
  switch (operation) {
    case 'delete':
      return [];
    case 'create':
      return created(step.new?.inputs ?? {});
    case 'update':
    case 'replace':
      return changed(step)
        .map(withinTexts)
        .sort((one, other) => compare(one.path, other.path));
  }
}

/** Of a new resource each property as a whole. */
function created(inputs: Properties): PropertyChange[] {
  return Object.entries(inputs)
    .filter(([name]) => !isNoise(name))
    .map(([path, value]) => ({ path, after: readable(value) }))
    .sort((one, other) => compare(one.path, other.path));
}

function changed(step: EngineStep): PropertyChange[] {
  const detailed = Object.entries(step.detailedDiff ?? {}).filter(([path]) => !isNoise(path));
  if (detailed.length === 0) return compared(step);
  return detailed.flatMap(([path, { diffKind, inputDiff }]) => {
    const forces = diffKind.endsWith('-replace') || step.keys?.includes(path) === true;
    // As the engine shows it: the old value as AWS gave it, the new one as it is asked for.
    const before = inputDiff === true ? step.old?.inputs : step.old?.outputs;
    const kind = diffKind.split('-')[0];
    return propertyChanges(path, forces, {
      ...(kind === 'add' ? {} : { before: at(path, before) }),
      ...(kind === 'delete' ? {} : { after: at(path, step.new?.inputs) }),
    });
  });
}

/** Where the provider gives no details: what was asked for before, and what is asked for now. */
function compared(step: EngineStep): PropertyChange[] {
  const before = step.old?.inputs ?? {};
  const after = step.new?.inputs ?? {};
  const names = new Set([...Object.keys(before), ...Object.keys(after), ...(step.diffs ?? [])]);
  const told = (name: string): boolean =>
    step.diffs?.includes(name) === true || step.keys?.includes(name) === true;
  return [...names]
    .filter((name) => !isNoise(name) && (told(name) || !same(before[name], after[name])))
    .flatMap((name) =>
      propertyChanges(name, step.keys?.includes(name) === true, {
        ...(name in before ? { before: before[name] } : {}),
        ...(name in after ? { after: after[name] } : {}),
      }),
    );
}

function propertyChanges(
  path: string,
  forces: boolean,
  values: { before?: unknown; after?: unknown },
): PropertyChange[] {
  const shown = /^userData/.test(path) ? decoded : readable;
  const [before, after] = togetherHidden(shown(values.before), shown(values.after));
  const inner = 'before' in values && 'after' in values ? innermost(path, before, after) : [];
  const whole = {
    path,
    ...('before' in values ? { before } : {}),
    ...('after' in values ? { after } : {}),
  };
  // What the provider counts as changed is shown, also where both sides read the same.
  return (inner.length === 0 ? [whole] : inner).map((change) =>
    forces ? { ...change, replaces: true } : change,
  );
}

/** What bridged providers note for themselves: `__defaults`, `__meta`. */
function isNoise(path: string): boolean {
  return pathOf(path).some((part) => part.startsWith('__'));
}

/** The parts of a path as the engine writes it: `rules[0].tags["a.b"]`. */
function pathOf(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted?.replace(/\\(.)/g, '$1') ?? index ?? name ?? '',
  );
}

/** The value at a path; null where there is none. What is unknown or secret is so with all that is in it. */
function at(path: string, properties: Properties | undefined): unknown {
  let value: unknown = properties ?? {};
  for (const part of pathOf(path)) {
    const found = readable(value);
    if (typeof found === 'string') return found;
    value = (value as Record<string, unknown> | undefined)?.[part];
    if (value === undefined || value === null) return null;
  }
  return value;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(readable(one)) === JSON.stringify(readable(other));
}

function byKey([one]: [string, unknown], [other]: [string, unknown]): number {
  return compare(one, other);
}

/** The same order on every machine. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
