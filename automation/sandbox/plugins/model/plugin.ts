import type { Props } from '../rpc/values';

/** A reason why inputs cannot be right, and the property it is about (its path; '' for the whole resource). */
export interface Failure {
  property: string;
  reason: string;
}

export interface CheckRequest {
  /** The resource's logical name in the program. */
  name: string;
  /** Checked inputs of the last update; empty when there was none. */
  oldInputs: Props;
  newInputs: Props;
  /** Makes automatic names repeatable; empty unless the engine has a plan to keep to. */
  randomSeed: Uint8Array;
  autonaming?: { proposedName: string; mode: 'propose' | 'enforce' | 'disable' };
}

export interface CheckResult {
  inputs: Props;
  failures: Failure[];
}

export interface DiffRequest {
  id: string;
  oldInputs: Props;
  oldOutputs: Props;
  newInputs: Props;
  /** Property paths that the program asked not to compare. */
  ignoreChanges: string[];
}

export type ChangeKind = 'add' | 'delete' | 'update';

/** A property that differs. */
export interface Change {
  /** Pulumi property path, for example `healthCheck.interval` or `tags.owner`. */
  path: string;
  kind: ChangeKind;
  replace: boolean;
}

export interface DiffResult {
  changes: Change[];
  deleteBeforeReplace: boolean;
}

export interface State {
  id: string;
  outputs: Props;
}

export interface CreateRequest {
  /** Names the resource to the engine. */
  urn?: string;
  inputs: Props;
  preview: boolean;
  timeout: number;
}

export interface UpdateRequest {
  /** Names the resource to the engine. */
  urn?: string;
  id: string;
  oldInputs: Props;
  oldOutputs: Props;
  newInputs: Props;
  preview: boolean;
  /** Seconds the program allows; 0 for the resource's own default. */
  timeout: number;
}

/** One resource type of a plugin, in the engine's terms but without its wire format. */
export interface Resource {
  check(request: CheckRequest): Promise<CheckResult>;
  diff(request: DiffRequest): Promise<DiffResult>;
  create(request: CreateRequest): Promise<State>;
  /** Undefined when the resource is gone. Empty `inputs` mean an import: nothing is known but the id. */
  read(request: {
    id: string;
    inputs: Props;
    outputs: Props;
  }): Promise<(State & { inputs: Props }) | undefined>;
  update(request: UpdateRequest): Promise<Props>;
  delete(request: { id: string; outputs: Props; timeout: number }): Promise<void>;
  /** Outputs that are secret when any input is, because they may repeat it. */
  readonly echoes?: readonly string[];
}

/** What a Pulumi plugin of the sandbox provides. */
export interface Plugin {
  readonly version: string;
  /** The provider's own configuration, for example aws:region. */
  configure(config: Props): void;
  /** Throws, naming the type, when the plugin does not have it. */
  resource(token: string): Promise<Resource>;
  invoke(token: string, args: Props): Promise<Props>;
  /** The engine wants everything that still runs to end soon. */
  cancel(): void;
}

/**
 * Thrown by a create or update that failed after the resource came into being, so that the engine keeps it
 * in its state and does not make another one.
 */
export class PartialFailure extends Error {
  /** Names of the properties that are to be kept as secrets. */
  secrets: ReadonlySet<string> = new Set();

  constructor(
    readonly id: string,
    readonly outputs: Props,
    readonly inputs: Props,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'PartialFailure';
  }
}
