import type { lb } from '@pulumi/aws';
import type { RuleCondition } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Failure } from '../../model/plugin';
import type { InputSpec } from '../../model/schema';
import type { Plain } from '../context';
import { as, CIDR, STRING } from '../specs';

export type ConditionProps = NonNullable<Plain<lb.ListenerRuleArgs>['conditions']>[number];

function values(items: InputSpec): InputSpec {
  return { type: 'object', fields: { values: { type: 'set', required: true, minLength: 1, items } } };
}

export const CONDITION: InputSpec = {
  type: 'object',
  fields: {
    hostHeader: values({ type: 'string', minLength: 1, maxLength: 128, ignoreCase: true }),
    pathPattern: values({ type: 'string', minLength: 1, maxLength: 128 }),
    httpHeader: {
      type: 'object',
      fields: {
        httpHeaderName: {
          type: 'string',
          required: true,
          maxLength: 40,
          pattern: [/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'be a header name'],
        },
        values: { type: 'set', required: true, minLength: 1, items: { type: 'string', maxLength: 128 } },
      },
    },
    httpRequestMethod: values({
      type: 'string',
      pattern: [/^[A-Z_-]{1,40}$/, 'be an HTTP method in capitals'],
    }),
    sourceIp: values(CIDR),
    queryStrings: {
      type: 'set',
      items: { type: 'object', fields: { key: STRING, value: as(STRING, { required: true }) } },
    },
  },
};

const KINDS = [
  'hostHeader',
  'pathPattern',
  'httpHeader',
  'httpRequestMethod',
  'sourceIp',
  'queryStrings',
] as const;

/** AWS evaluates at most this many values and wildcards in a rule. */
const MOST_VALUES = 5;

export function checkConditions(conditions: readonly ConditionProps[] | undefined): Failure[] {
  if (!Array.isArray(conditions)) return [];
  const list = conditions as readonly ConditionProps[];
  const failures = list.flatMap((condition, at) => {
    const kinds = KINDS.filter((kind) => condition[kind] !== undefined);
    if (kinds.length === 1) return [];
    return [{ property: `conditions[${at}]`, reason: `must have exactly one of ${KINDS.join(', ')}` }];
  });
  const count = list.flatMap((condition) => valuesOf(condition)).length;
  if (count > MOST_VALUES) {
    failures.push({
      property: 'conditions',
      reason: `a rule has at most ${MOST_VALUES} values, but has ${count}`,
    });
  }
  return failures;
}

function valuesOf(condition: ConditionProps): unknown[] {
  const { hostHeader, pathPattern, httpHeader, httpRequestMethod, sourceIp, queryStrings } = condition;
  const lists = [hostHeader, pathPattern, httpHeader, httpRequestMethod, sourceIp].map(
    (part) => part?.values ?? [],
  );
  return [...lists.flatMap((list) => (Array.isArray(list) ? list : [list])), ...(queryStrings ?? [])];
}

export function toConditions(conditions: readonly ConditionProps[]): RuleCondition[] {
  return conditions.map((condition) => {
    const { hostHeader, pathPattern, httpHeader, httpRequestMethod, sourceIp, queryStrings } = condition;
    if (hostHeader) return { Field: 'host-header', HostHeaderConfig: { Values: hostHeader.values ?? [] } };
    if (pathPattern)
      return { Field: 'path-pattern', PathPatternConfig: { Values: pathPattern.values ?? [] } };
    if (httpHeader) {
      const HttpHeaderConfig = { HttpHeaderName: httpHeader.httpHeaderName, Values: httpHeader.values ?? [] };
      return { Field: 'http-header', HttpHeaderConfig };
    }
    if (httpRequestMethod) {
      return { Field: 'http-request-method', HttpRequestMethodConfig: { Values: httpRequestMethod.values } };
    }
    if (sourceIp) return { Field: 'source-ip', SourceIpConfig: { Values: sourceIp.values } };
    const Values = (queryStrings ?? []).map(({ key, value }) =>
      key ? { Key: key, Value: value } : { Value: value },
    );
    return { Field: 'query-string', QueryStringConfig: { Values } };
  });
}

export function fromConditions(conditions: readonly RuleCondition[] | undefined): ConditionProps[] {
  return (conditions ?? []).map((condition): ConditionProps => {
    switch (condition.Field) {
      case 'host-header':
        return { hostHeader: { values: condition.HostHeaderConfig?.Values ?? condition.Values ?? [] } };
      case 'path-pattern':
        return { pathPattern: { values: condition.PathPatternConfig?.Values ?? condition.Values ?? [] } };
      case 'http-header':
        return {
          httpHeader: {
            httpHeaderName: condition.HttpHeaderConfig?.HttpHeaderName ?? '',
            values: condition.HttpHeaderConfig?.Values ?? [],
          },
        };
      case 'http-request-method':
        return { httpRequestMethod: { values: condition.HttpRequestMethodConfig?.Values ?? [] } };
      case 'source-ip':
        return { sourceIp: { values: condition.SourceIpConfig?.Values ?? [] } };
      default:
        return {
          queryStrings: (condition.QueryStringConfig?.Values ?? []).map(({ Key, Value = '' }) =>
            Key ? { key: Key, value: Value } : { value: Value },
          ),
        };
    }
  });
}
