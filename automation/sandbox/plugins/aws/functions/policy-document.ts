import { createHash } from 'node:crypto';
import { isProps, type Props, type Value } from '../../rpc/values';
import { text, texts } from './arguments';
import type { AwsFunction } from './index';

/** Writes an IAM policy from its parts; asks AWS for nothing. */
export const getPolicyDocument: AwsFunction = (args) => {
  const merged = texts(args, 'sourcePolicyDocuments') ?? texts(args, 'overridePolicyDocuments');
  if (merged !== undefined) return Promise.reject(new Error('the sandbox does not merge policy documents'));
  const statements = (Array.isArray(args.statements) ? args.statements : []).filter(isProps);
  const document = {
    Version: text(args, 'version') ?? '2012-10-17',
    ...(text(args, 'policyId') ? { Id: text(args, 'policyId') } : {}),
    Statement: statements.map(statementOf),
  };
  const json = JSON.stringify(document, null, 2);
  const id = String(createHash('sha256').update(json).digest().readUInt32BE(0));
  return Promise.resolve({ ...args, id, json, minifiedJson: JSON.stringify(document) });
};

function statementOf(statement: Props): Record<string, unknown> {
  const sid = text(statement, 'sid');
  const fields = {
    Action: list(statement.actions),
    NotAction: list(statement.notActions),
    Resource: list(statement.resources),
    NotResource: list(statement.notResources),
    Principal: principals(statement.principals),
    NotPrincipal: principals(statement.notPrincipals),
    Condition: conditions(statement.conditions),
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    ...(sid ? { Sid: sid } : {}),
    Effect: text(statement, 'effect') ?? 'Allow',
    ...Object.fromEntries(given),
  };
}

/** A single value stands alone, several as a list in order, as the official provider writes them. */
function list(value: Value | undefined): string | string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const items = value.map(String).sort();
  return items.length === 1 ? items[0] : items.reverse();
}

function principals(value: Value | undefined): unknown {
  const entries = (Array.isArray(value) ? value : []).filter(isProps);
  if (entries.length === 0) return undefined;
  const [first] = entries;
  if (entries.length === 1 && first?.type === '*') return '*';
  return Object.fromEntries(entries.map((entry) => [String(entry.type), list(entry.identifiers)]));
}

function conditions(value: Value | undefined): unknown {
  const entries = (Array.isArray(value) ? value : []).filter(isProps);
  if (entries.length === 0) return undefined;
  const grouped: Record<string, Record<string, unknown>> = {};
  for (const { test, variable, values } of entries) {
    grouped[String(test)] = { ...grouped[String(test)], [String(variable)]: list(values) };
  }
  return grouped;
}
