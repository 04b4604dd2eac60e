import { checkInputs } from './check';
import { compareInputs, isIgnored } from './compare';
import { DEFAULTS, fillName, wasNamedHere } from './naming';
import { importInputs, projectInputs } from './project';
import { mergeTags, ownTags, tagChange, type Tags } from './tags';
import {
  PartialFailure,
  type CheckRequest,
  type CheckResult,
  type DiffRequest,
  type DiffResult,
  type Resource,
  type State,
  type UpdateRequest,
} from './plugin';
import type { InputSpec, Operation, ResourceType } from './schema';
import { isProps, UNKNOWN, type Props, type Value } from '../rpc/values';

/** A resource type whose properties are only known as such. */
export type AnyResourceType<C> = ResourceType<Props, Props, C>;

/** What surrounds a resource: the provider's configuration as far as resources depend on it. */
export interface Surroundings<C> {
  defaultTags(): Tags;
  /** What operations work with, for a resource with these properties; the id may say more at an import. */
  contextOf(props: Props): C;
  /** Awaited before AWS is asked for or told anything; throws when the provider must not work here. */
  ready(): Promise<void>;
  /** Properties that are known before a create even when the program leaves them to AWS. */
  settled?(inputs: Props): Props;
  /** The id without, and the properties with, what an id given for an import says besides (its region). */
  splitId?(id: string): { id: string; props: Props };
}

/** Gives a typed table the untyped shape that the engine's data have; checked inputs fit the table. */
export function untyped<A, S, C>(type: ResourceType<A, S, C>): AnyResourceType<C> {
  return type as unknown as AnyResourceType<C>;
}

/** The engine's operations over a resource type given as a table. */
export class TableResource<C extends object> implements Resource {
  constructor(
    private readonly type: AnyResourceType<C>,
    private readonly around: Surroundings<C>,
  ) {}

  private get table(): Readonly<Record<string, InputSpec>> {
    return this.type.inputs as Readonly<Record<string, InputSpec>>;
  }

  check(request: CheckRequest): Promise<CheckResult> {
    const { inputs, failures } = checkInputs(this.table, request.newInputs, this.type.token);
    if (this.type.naming) failures.push(...fillName(this.type.naming, inputs, request));
    // The name was made after the checks, and the logical name may hold what AWS refuses in a name.
    const naming = this.type.naming?.property;
    if (naming !== undefined && wasNamedHere(inputs, naming)) {
      const { [naming]: spec } = this.table;
      const named = checkInputs(
        { [naming]: spec ?? { type: 'string' } },
        { [naming]: inputs[naming] ?? null },
        '',
      );
      failures.push(...named.failures);
    }
    if (failures.length === 0) failures.push(...(this.type.check?.(inputs, request) ?? []));
    return Promise.resolve({ inputs, failures });
  }

  diff(request: DiffRequest): Promise<DiffResult> {
    const { oldInputs, newInputs, oldOutputs } = request;
    const compared = compareInputs(this.table, oldInputs, newInputs);
    const forced = this.type.replaceOn?.(oldInputs, newInputs) ?? [];
    const changes = compared.map((change) => ({
      ...change,
      replace: change.replace || forced.includes(change.path.split(/[.[]/)[0] ?? ''),
    }));
    const withoutTags = changes.filter((change) => !this.type.retag || !/^tags\b/.test(change.path));
    const all = [...withoutTags, ...this.tagChanges(oldOutputs, oldInputs, newInputs)];
    const seen = all.filter((change) => !isIgnored(change, request.ignoreChanges));
    const fixedName = this.type.naming && !wasNamedHere(newInputs, this.type.naming.property);
    const named = this.type.naming && newInputs[this.type.naming.property] !== undefined;
    return Promise.resolve({
      changes: seen,
      // A name that the program chose cannot be had twice at once.
      deleteBeforeReplace: Boolean(fixedName && named) && seen.some((change) => change.replace),
    });
  }

  /** Tags are compared as AWS last gave them, so that another default tag of the provider shows as well. */
  private tagChanges(oldOutputs: Props, oldInputs: Props, newInputs: Props) {
    if (!this.type.retag) return [];
    const after = mergeTags(this.around.defaultTags(), newInputs.tags);
    if (after === undefined) return [{ path: 'tags', kind: 'update' as const, replace: false }];
    const before = tagsIn(oldOutputs.tagsAll ?? oldInputs.tags);
    const change = tagChange(before, after);
    const names = [...Object.keys(change?.set ?? {}), ...(change?.remove ?? [])];
    return names.map((name) => ({
      path: /^[\w$]+$/.test(name) ? `tags.${name}` : `tags[${JSON.stringify(name)}]`,
      kind: !(name in before) ? ('add' as const) : name in after ? ('update' as const) : ('delete' as const),
      replace: false,
    }));
  }

  async create(request: { inputs: Props; preview: boolean; timeout: number }): Promise<State> {
    const inputs = withoutNotes(request.inputs);
    if (request.preview) return { id: '', outputs: { ...this.unknownOutputs(inputs), ...inputs } };
    const context = this.around.contextOf(inputs);
    const operation = new Running(this.tagsOf(inputs), request.timeout);
    await this.around.ready();
    try {
      const id = await this.type.create(inputs, operation.over(context));
      operation.created(id);
      const state = await this.type.read(id, context, inputs);
      if (!state) throw new Error(`it was made as ${id}, but AWS does not know it any more`);
      return { id, outputs: this.outputsOf(inputs, state) };
    } catch (thrown) {
      throw operation.failure(`creating ${this.type.token}`, inputs, request.inputs, thrown);
    }
  }

  private unknownOutputs(inputs: Props): Props {
    const names = new Set<string>(this.type.outputs);
    if (this.type.retag) names.add('tagsAll');
    for (const [name, spec] of Object.entries(this.table)) if (spec.computed) names.add(name);
    const tags = this.type.retag ? mergeTags(this.around.defaultTags(), inputs.tags) : undefined;
    const unknown = Object.fromEntries([...names].map((name) => [name, UNKNOWN]));
    return { ...unknown, ...this.around.settled?.(inputs), ...(tags === undefined ? {} : { tagsAll: tags }) };
  }

  async read(request: { id: string; inputs: Props; outputs: Props }) {
    const { id, props } = this.around.splitId?.(request.id) ?? { id: request.id, props: {} };
    const known = { ...request.outputs, ...request.inputs, ...props };
    await this.around.ready();
    const state = await this.type.read(id, this.around.contextOf(known), withoutNotes(known));
    if (!state) return undefined;
    const isImport = Object.keys(request.inputs).length === 0;
    const outputs = this.outputsOf(isImport ? props : withoutNotes(request.inputs), state, known);
    const inputs = isImport
      ? { ...importInputs(this.table, outputs), [DEFAULTS]: [] }
      : projectInputs(this.table, request.inputs, outputs);
    return { id, outputs, inputs };
  }

  async update(request: UpdateRequest): Promise<Props> {
    const inputs = withoutNotes(request.newInputs);
    const { id, oldOutputs } = request;
    const old = withoutNotes(request.oldInputs);
    const changed = this.changedBetween(old, inputs);
    if (request.preview)
      return this.previewUpdate(oldOutputs, inputs, this.type.volatile?.(changed, inputs) ?? []);
    const context = this.around.contextOf(inputs);
    const operation = new Running(this.tagsOf(inputs), request.timeout);
    operation.created(id);
    await this.around.ready();
    try {
      await this.type.update?.(id, { old, new: inputs, state: oldOutputs, changed }, operation.over(context));
      const retagged = tagChange(tagsIn(oldOutputs.tagsAll), operation.tags);
      if (this.type.retag && retagged) await this.type.retag(id, retagged, context, oldOutputs);
      const state = await this.type.read(id, context, inputs);
      if (!state) throw new Error(`${id} does not exist any more; \`pulumi refresh\` makes Pulumi notice`);
      return this.outputsOf(inputs, state);
    } catch (thrown) {
      throw operation.failure(`updating ${this.type.token} ${id}`, oldOutputs, request.oldInputs, thrown);
    }
  }

  private changedBetween(old: Props, next: Props): (...names: string[]) => boolean {
    const differing = new Set(
      compareInputs(this.table, old, next).map((change) => change.path.split(/[.[]/)[0]),
    );
    return (...names) => names.some((name) => differing.has(name));
  }

  private previewUpdate(oldOutputs: Props, inputs: Props, changing: readonly string[]): Props {
    const volatile = Object.fromEntries(changing.map((name) => [name, UNKNOWN]));
    const tags = this.type.retag ? mergeTags(this.around.defaultTags(), inputs.tags) : undefined;
    return { ...oldOutputs, ...inputs, ...volatile, ...(tags === undefined ? {} : { tagsAll: tags }) };
  }

  async delete(request: { id: string; outputs: Props; timeout: number }): Promise<void> {
    const operation = new Running({}, request.timeout);
    const context = operation.over(this.around.contextOf(request.outputs));
    await this.around.ready();
    try {
      await this.type.delete(request.id, request.outputs, context);
    } catch (thrown) {
      throw new Error(`deleting ${this.type.token} ${request.id}: ${wordsOf(thrown)}`, { cause: thrown });
    }
  }

  private tagsOf(inputs: Props): Tags {
    return mergeTags(this.around.defaultTags(), inputs.tags) ?? {};
  }

  /** What AWS says of a resource, with the inputs that it does not give back as the program gave them. */
  private outputsOf(inputs: Props, state: Props, before: Props = {}): Props {
    const outputs: Props = {};
    for (const name of Object.keys(this.table)) {
      const value: Value | undefined = inputs[name] ?? (name in state ? undefined : before[name]);
      if (value !== undefined) outputs[name] = value;
    }
    for (const [name, value] of Object.entries(state)) {
      if ((value as Value | undefined) !== undefined) outputs[name] = value;
      else delete outputs[name];
    }
    if (this.type.retag) {
      const given = isProps(inputs.tags) ? inputs.tags : isProps(before.tags) ? before.tags : undefined;
      outputs.tags = ownTags(tagsIn(state.tagsAll), this.around.defaultTags(), given);
    }
    return outputs;
  }
}

function tagsIn(value: Value | undefined): Tags {
  return isProps(value) ? (value as Tags) : {};
}

function withoutNotes(props: Props): Props {
  return Object.fromEntries(Object.entries(props).filter(([name]) => !name.startsWith('__')));
}

/** What was thrown, as the official provider words it: an AWS error's name is its code, which people search for. */
export function wordsOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { $metadata } = thrown as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode === undefined ? '' : `StatusCode: ${$metadata.httpStatusCode}, `;
  return thrown.name === 'Error' ? thrown.message : `${status}${thrown.name}: ${thrown.message}`;
}

/** An operation under way, which knows whether the resource exists by now. */
class Running implements Operation {
  private id: string | undefined;

  constructor(
    readonly tags: Tags,
    readonly timeout: number,
  ) {}

  readonly created = (id: string): void => {
    this.id = id;
  };

  over<C extends object>(context: C): C & Operation {
    const operation: Operation = { created: this.created, tags: this.tags, timeout: this.timeout };
    return Object.assign(Object.create(context) as C, operation);
  }

  failure(what: string, outputs: Props, inputs: Props, thrown: unknown): Error {
    const error = new Error(`${what}: ${wordsOf(thrown)}`, { cause: thrown });
    return this.id === undefined ? error : new PartialFailure(this.id, outputs, inputs, error);
  }
}
