import type { PolicyResource, ResourceValidationPolicy, StackValidationPolicy } from '@pulumi/policy';
import { UNKNOWN, type Props, type Rule, type StackRule } from './rule';

/** A rule as a policy of Pulumi's. */
export function resourcePolicy({
  name,
  description,
  severity,
  types,
  check,
}: Rule): ResourceValidationPolicy {
  return {
    name,
    description,
    severity,
    enforcementLevel: 'mandatory',
    validateResource: (args, report) => {
      if (!types.includes(args.type)) return;
      for (const problem of check({ type: args.type, name: args.name, props: plain(args.props) as Props }))
        report(problem);
    },
  };
}

export function stackPolicy({ name, description, severity, checkAll }: StackRule): StackValidationPolicy {
  return {
    name,
    description,
    severity,
    enforcementLevel: 'mandatory',
    validateStack: ({ resources }, report) => {
      for (const { urn, message } of checkAll(resources.map(memberOf))) report(message, urn);
    },
  };
}

function memberOf({ type, name, urn, props, propertyDependencies }: PolicyResource) {
  const sources = Object.entries(propertyDependencies).map(([property, from]) => [
    property,
    from.map((one) => one.urn),
  ]);
  return {
    type,
    name,
    urn,
    props: plain(props) as Props,
    sources: Object.fromEntries(sources) as Record<string, string[]>,
  };
}

/** Pulumi's SDK throws where a value is not known yet, and then skips the whole policy; a rule can go on without. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, at) => read(value, at));
  return Object.fromEntries(Object.keys(value).map((key) => [key, read(value, key)]));
}

function read(from: object, key: string | number): unknown {
  let found: unknown;
  try {
    found = (from as Record<string | number, unknown>)[key];
  } catch (thrown) {
    if (/can't be known during preview/.test(String(thrown))) return UNKNOWN;
    throw thrown;
  }
  return plain(found);
}
