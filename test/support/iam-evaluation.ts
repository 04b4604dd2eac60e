/** As IAM decides, for what our policies use of its language: only `Allow`, wildcards, and three operators. */
import type { Operator, PolicyDocument, Statement } from '../../src/domain/iam/document';
import type { Permission } from './iam-permissions';

/** `aws:userid` of whoever has no keys of the sandbox’s own. */
const ANYBODY = 'AIDASANDBOXSANDBOXSA';

/** Whether any statement allows it. */
export function allows(policy: PolicyDocument, permission: Permission): boolean {
  return policy.Statement.some((statement) => matches(statement, permission));
}

function matches(
  { Action, Resource, Condition }: Statement,
  { action, resource, context }: Permission,
): boolean {
  return (
    Action.some((pattern) => like(pattern, action)) &&
    // The sandbox’s own identity for anybody; which it is no recorded call tells.
    Resource.some((pattern) => like(pattern.replace('${aws:userid}', ANYBODY), resource)) &&
    Object.entries(Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys ?? {}).every(([key, values]) =>
        holds(operator as Operator, context[key], [values].flat()),
      ),
    )
  );
}

/** Several values of a key are alternatives; several keys, and several operators, must all hold. */
function holds(operator: Operator, actual: string | undefined, values: string[]): boolean {
  if (actual === undefined) return operator === 'StringEqualsIfExists';
  return values.some((value) => (operator === 'StringLike' ? like(value, actual) : value === actual));
}

/** `*` for any characters, `?` for one. */
function like(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
}
