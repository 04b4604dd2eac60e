import type { CheckRequest, Failure } from './plugin';

type Scalar = 'string' | 'integer' | 'number' | 'boolean';

/** What an input may be. The official providers' schema and AWS's own limits, as one table. */
export interface InputSpec {
  /** `json` is a string that holds a JSON document, compared by its meaning; a `set` has no order. */
  type: Scalar | 'list' | 'set' | 'map' | 'object' | 'json';
  required?: boolean;
  /** Filled in when the program gives nothing. */
  default?: string | number | boolean;
  /** AWS fills it in when the program gives nothing: taking it out of the program is no change. */
  computed?: boolean;
  /** A change makes a new resource. */
  replace?: boolean;
  /** Of a number. */
  min?: number;
  max?: number;
  /** Of a string's length, or of the number of items. */
  minLength?: number;
  maxLength?: number;
  /** The value must match; the words say how it has to look. */
  pattern?: readonly [RegExp, string];
  oneOf?: readonly (string | number)[];
  /** Compared without regard to case. */
  ignoreCase?: boolean;
  conflictsWith?: readonly string[];
  /** Of a list, set or map. */
  items?: InputSpec;
  /** Of an object. */
  fields?: Readonly<Record<string, InputSpec>>;
}

export type InputTable<A> = { readonly [K in keyof A & string]?: InputSpec };

/** How a resource gets a name when the program gives none: the logical name and a random suffix. */
export interface Naming {
  /** The input that holds the name. */
  property: string;
  /** The input with the prefix of a name that is chosen at creation. */
  prefixProperty?: string;
  maxLength: number;
  lowerCase?: boolean;
}

/** A change of tags. */
export interface TagChange {
  set: Record<string, string>;
  remove: string[];
  /** All tags as they are to be. */
  all: Record<string, string>;
}

export interface Operation {
  /** Says that the resource exists now: whatever fails from here on, the engine keeps it in its state. */
  created(id: string): void;
  /** All tags to set: the provider's default tags and the resource's own. */
  tags: Record<string, string>;
  /** Seconds the program allows for this operation; 0 for the resource's own default. */
  timeout: number;
}

/** An update: what was, what is to be, and what AWS said last. */
export interface UpdateOf<A, S> {
  old: A;
  new: A;
  state: S;
  /** Whether any of these inputs differs. */
  changed(...names: (keyof A & string)[]): boolean;
}

/**
 * A resource type as a table and four functions. `A` are its inputs, `S` all its properties, `C` what the
 * plugin gives its operations to work with.
 */
export interface ResourceType<A, S, C> {
  token: string;
  inputs: InputTable<A>;
  /** Properties that AWS makes and that do not change while the resource lives. */
  outputs: readonly (keyof S & string)[];
  /** Outputs that an update of these inputs will change, and that are so unknown in its preview. */
  volatile?(changed: UpdateOf<A, S>['changed'], next: A): (keyof S & string)[];
  naming?: Naming;
  /** What the table cannot say. Inputs that are unknown yet come as the engine's marker for that. */
  check?(inputs: Partial<A>, request: CheckRequest): Failure[];
  /** Inputs whose change in this particular case makes a new resource. */
  replaceOn?(old: A, next: A): (keyof A & string)[];
  create(inputs: A, context: C & Operation): Promise<string>;
  /** Undefined when the resource does not exist. Must work from the id alone, for imports. */
  read(id: string, context: C, known: Partial<S>): Promise<S | undefined>;
  update?(id: string, update: UpdateOf<A, S>, context: C & Operation): Promise<void>;
  /** Present exactly when the type has tags. */
  retag?(id: string, change: TagChange, context: C, state: S): Promise<void>;
  /** Deleting what is already gone succeeds. */
  delete(id: string, state: S, context: C & Operation): Promise<void>;
}
