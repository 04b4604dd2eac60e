import { PROJECT } from '../domain/config';
import { STACK } from './stack-reading';
import { resourcesOf, type StackState } from './stack-state';

/** The file of a stack in a backend's folder. Without a state: of a stack that was made and never updated. */
export function checkpointOf(stack: string, state: StackState | undefined): string {
  const { deployment, ...rest } = state ?? { version: 3, deployment: null };
  const latest = deployment === null || Object.keys(deployment).length === 0 ? null : deployment;
  return JSON.stringify({ ...rest, checkpoint: { stack: `organization/${PROJECT}/${stack}`, latest } });
}

export function protectedIn(state: StackState | undefined): Set<string> {
  const resources = state === undefined ? [] : resourcesOf(state);
  return new Set(resources.filter((one) => one.protect === true).map(({ urn }) => urn));
}

/**
 * The state as the engine needs it to show also what it or the program would refuse: without protection, and
 * without some of the outputs.
 */
export function withoutRefusals(
  state: StackState | undefined,
  outputs: readonly string[] = [],
): StackState | undefined {
  if (state === undefined) return undefined;
  const resources = resourcesOf(state).map(({ protect: _, ...resource }) =>
    resource.type === STACK ? { ...resource, outputs: without(resource.outputs ?? {}, outputs) } : resource,
  );
  if (resources.length === 0) return state;
  return { ...state, deployment: { ...state.deployment, resources } };
}

function without(values: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
