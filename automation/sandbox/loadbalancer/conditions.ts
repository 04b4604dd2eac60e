import { BlockList, isIPv6 } from 'node:net';
import type { RuleCondition } from '../contract';

/** What rule conditions look at. */
export interface RequestFacts {
  /** Lower case, without the port. */
  host: string;
  /** As sent, without the query. */
  path: string;
  /** As sent, without the question mark; empty when there is none. */
  query: string;
  method: string;
  /** All values of a header; the name in lower case. */
  header(name: string): string[];
  sourceIp: string;
}

export type Predicate = (facts: RequestFacts) => boolean;

/**
 * Compiles an AWS pattern: `*` stands for any characters, `?` for exactly one, a backslash takes the next
 * character literally.
 */
export function wildcard(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  if (!/[*?\\]/.test(pattern)) {
    if (!ignoreCase) return (text) => text === pattern;
    const lower = pattern.toLowerCase();
    return (text) => text.toLowerCase() === lower;
  }
  const source = pattern.replace(/\\(.)|[*?]|[.+^${}()|[\]\\]/gs, (token, escaped?: string) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    const literal = escaped ?? token;
    // A letter must not be escaped: `\d` would gain a meaning that AWS patterns do not have.
    return /\w/.test(literal) ? literal : `\\${literal}`;
  });
  const expression = new RegExp(`^${source}$`, ignoreCase ? 'is' : 's');
  return (text) => expression.test(text);
}

function anyOf(values: string[], ignoreCase: boolean): (text: string) => boolean {
  const tests = values.map((value) => wildcard(value, ignoreCase));
  return (text) => tests.some((test) => test(text));
}

function headerCondition(config: NonNullable<RuleCondition['HttpHeaderConfig']>): Predicate {
  const name = config.HttpHeaderName.toLowerCase();
  const test = anyOf(config.Values, true);
  return (facts) => facts.header(name).some(test);
}

function queryStringCondition(values: { Key?: string; Value: string }[]): Predicate {
  const tests = values.map((wanted) => ({
    key: wanted.Key === undefined ? undefined : wildcard(wanted.Key, true),
    value: wildcard(wanted.Value, true),
  }));
  return (facts) => {
    if (facts.query === '') return false;
    const pairs = facts.query.split('&').map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0
        ? { key: pair, value: '' }
        : { key: pair.slice(0, equals), value: pair.slice(equals + 1) };
    });
    return tests.some((test) =>
      pairs.some((pair) => (test.key?.(pair.key) ?? true) && test.value(pair.value)),
    );
  };
}

function sourceIpCondition(blocks: string[]): Predicate {
  const list = new BlockList();
  for (const block of blocks) {
    const [network = '', bits] = block.split('/');
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    list.addSubnet(network, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return (facts) => list.check(facts.sourceIp, isIPv6(facts.sourceIp) ? 'ipv6' : 'ipv4');
}

/**
 * Compiles one rule condition.
 * @returns undefined for a field the data plane does not know
 * @throws when a value makes no sense, such as an address block that is none
 */
export function compileCondition(condition: RuleCondition): Predicate | undefined {
  const values = condition.Values ?? [];
  switch (condition.Field) {
    case 'host-header': {
      const test = anyOf(condition.HostHeaderConfig?.Values ?? values, true);
      return (facts) => test(facts.host);
    }
    case 'path-pattern': {
      const test = anyOf(condition.PathPatternConfig?.Values ?? values, false);
      return (facts) => test(facts.path);
    }
    case 'http-header':
      return condition.HttpHeaderConfig && headerCondition(condition.HttpHeaderConfig);
    case 'http-request-method': {
      const methods = new Set(condition.HttpRequestMethodConfig?.Values ?? values);
      return (facts) => methods.has(facts.method);
    }
    case 'query-string':
      return queryStringCondition(condition.QueryStringConfig?.Values ?? []);
    case 'source-ip':
      return sourceIpCondition(condition.SourceIpConfig?.Values ?? values);
    default:
      return undefined;
  }
}
