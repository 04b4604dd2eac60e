import type { InputSpec } from '../../model/schema';
import type { TagChange } from '../../model/schema';
import { fromTagList, toTagList, type Tags } from '../../model/tags';
import type { AwsContext } from '../context';

/** The names of load balancers and target groups obey the same rule. */
export const ELB_NAME: InputSpec = {
  type: 'string',
  replace: true,
  computed: true,
  maxLength: 32,
  pattern: [
    /^(?!internal-)(?!-)[0-9A-Za-z-]+(?<!-)$/,
    "have only letters, digits and hyphens, with no hyphen at either end, and not begin with 'internal-'",
  ],
  conflictsWith: ['namePrefix'],
};

export const ELB_NAME_PREFIX: InputSpec = {
  type: 'string',
  replace: true,
  computed: true,
  maxLength: 6,
  pattern: [/^(?!-)[0-9A-Za-z-]+$/, 'have only letters, digits and hyphens and not begin with a hyphen'],
};

export async function retagElb(arn: string, change: TagChange, context: AwsContext): Promise<void> {
  const client = await context.elb();
  if (change.remove.length > 0) await client.removeTags({ ResourceArns: [arn], TagKeys: change.remove });
  if (Object.keys(change.set).length > 0) {
    await client.addTags({ ResourceArns: [arn], Tags: toTagList(change.set) });
  }
}

export async function tagsOfElb(arn: string, context: AwsContext): Promise<Tags> {
  const { TagDescriptions } = await (await context.elb()).describeTags({ ResourceArns: [arn] });
  return fromTagList(TagDescriptions?.[0]?.Tags);
}

/** Tags in the form of Elastic Load Balancing's create calls, which refuse an empty list. */
export function elbTags(tags: Tags): { Tags?: { Key: string; Value: string }[] } {
  return Object.keys(tags).length > 0 ? { Tags: toTagList(tags) } : {};
}

/** An attribute that stands for one input. */
export interface AttributeOf<A> {
  input: keyof A & string;
  attribute: string;
}

type AttributeValue = string | number | boolean | undefined;

/** Attributes of those inputs that are given and pass `when`. */
export function attributesOf<A>(
  table: readonly AttributeOf<A>[],
  inputs: A,
  when: (input: keyof A & string) => boolean,
): { Key: string; Value: string }[] {
  return table.flatMap(({ input, attribute }) => {
    const value = inputs[input] as AttributeValue;
    return value !== undefined && when(input) ? [{ Key: attribute, Value: String(value) }] : [];
  });
}

/** Attributes as the inputs they stand for; `types` says which are numbers and which booleans. */
export function fromAttributes<A>(
  table: readonly AttributeOf<A>[],
  types: { readonly [K in keyof A & string]?: InputSpec },
  attributes: ReadonlyMap<string, string>,
): Record<string, AttributeValue> {
  const read: Record<string, AttributeValue> = {};
  for (const { input, attribute } of table) {
    const text = attributes.get(attribute);
    if (text === undefined) continue;
    const type = types[input]?.type;
    read[input] = type === 'boolean' ? text === 'true' : type === 'integer' ? Number(text) : text;
  }
  return read;
}

export function attributeMap(
  list: readonly { Key?: string; Value?: string }[] | undefined,
): Map<string, string> {
  return new Map((list ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}
