/** A stack's exported state as far as leftovers are concerned; all else in it is kept as it is. */
export interface StackState {
  version: number;
  deployment: {
    resources?: StateResource[];
    pending_operations?: PendingOperation[];
    [other: string]: unknown;
  };
}

/** What is known of a resource before it exists. */
export interface ResourcePlan {
  urn: string;
  type: string;
  inputs?: Record<string, unknown>;
  provider?: string;
  parent?: string;
  [other: string]: unknown;
}

export interface StateResource extends ResourcePlan {
  id?: string;
  custom?: boolean;
  delete?: boolean;
  protect?: boolean;
  outputs?: Record<string, unknown>;
  /** Seconds. */
  customTimeouts?: { create?: number; update?: number; delete?: number };
}

/** An operation that the engine began and never saw the end of. */
export interface PendingOperation {
  type: 'creating' | 'updating' | 'deleting' | 'reading' | 'importing' | (string & {});
  resource: StateResource;
}

export function parseState(text: string): StackState {
  const state = JSON.parse(text) as StackState | (Omit<StackState, 'deployment'> & { deployment: null });
  // Null is the state of a stack that was made and never updated, as a kill in between leaves it.
  return { ...state, deployment: state.deployment ?? {} };
}

export function resourcesOf(state: StackState): StateResource[] {
  return state.deployment.resources ?? [];
}

export function pendingOf(state: StackState): PendingOperation[] {
  return state.deployment.pending_operations ?? [];
}

/** What was being changed or deleted when an update was broken off: the state may be behind of what is there. */
export function touchedIn(state: StackState): string[] {
  return pendingOf(state)
    .filter(({ type }) => type === 'updating' || type === 'deleting')
    .map(({ resource }) => resource.urn);
}

/** Components, providers and references to stacks exist in the state alone. */
export function existsOutside({ custom, type }: StateResource): boolean {
  return custom === true && !type.startsWith('pulumi:');
}

/** Adopted by a mender that was killed before the provider read the rest. */
export function unreadIn(state: StackState): StateResource[] {
  return resourcesOf(state).filter(
    ({ custom, type, id, outputs }) =>
      custom === true &&
      type.startsWith('aws:') &&
      id !== undefined &&
      id !== '' &&
      Object.keys(outputs ?? {}).length === 0,
  );
}

/** Whether the engine would refuse to delete any of it. */
export function hasProtected(state: StackState): boolean {
  return resourcesOf(state).some(({ protect }) => protect === true);
}

export function isUnfinished(state: StackState): boolean {
  return pendingOf(state).length > 0 || unreadIn(state).length > 0;
}

/** The ids and ARNs that the state holds: of everything, or of one type, since an id is unique in its type alone. */
export function recordedIds(state: StackState, type?: string): Set<string> {
  const wanted = resourcesOf(state).filter((one) => type === undefined || one.type === type);
  return new Set(wanted.flatMap(({ id }) => (id === undefined ? [] : [id])));
}

/** A resource that exists, and the id to import it by. */
export interface Adoption {
  plan: ResourcePlan;
  id: string;
}

/**
 * The state without pending operations and with the adopted resources. They have no outputs, for which a refresh
 * reads them as an import does, and the inputs that they were to be made with, which it compares with what is
 * there. They come last: whatever they depend on was there before their creation began.
 */
export function mended(state: StackState, adoptions: readonly Adoption[]): StackState {
  const adopted = new Set(adoptions.map(({ plan }) => plan.urn));
  // What an adopted resource was to replace is removed by the next update, as the engine itself does it.
  const resources = resourcesOf(state).map((one) => (adopted.has(one.urn) ? { ...one, delete: true } : one));
  const added = adoptions.map(({ plan, id }): StateResource => ({
    ...plan,
    custom: true,
    id,
    outputs: {},
  }));
  const { pending_operations: _, ...deployment } = state.deployment;
  return { ...state, deployment: { ...deployment, resources: [...resources, ...added] } };
}

/** Whether two exports tell of the same moment; the engine stamps each save. */
export function sameState(one: StackState, other: StackState): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** `aws:autoscaling/group:Group fleet` of a URN, the form in which people know resources. */
export function resourceTitle(urn: string): string {
  const [, , type = '', name = ''] = urn.split('::');
  return `${type.split('$').at(-1) ?? ''} ${name}`.trim();
}
