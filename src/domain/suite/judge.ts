import { query, type JsonValue } from 'jsonpath-rfc9535';
import { isDeepStrictEqual } from 'node:util';
import { excerpt } from '../probe';
import type { Capture, Expectation, SuiteRequest } from './schema';
import { fillText, fillValue, textOf, type Scope } from './variables';

/** An answer as a suite judges it; names of headers are lower case. */
export interface SuiteAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** What the suite holds by then, by name. */
  cookies: Readonly<Record<string, string>>;
}

export interface Judgement {
  /** What is not as expected, in words; empty where all is. */
  problems: string[];
  captured: Record<string, unknown>;
}

/** What an answer is worth: whether it is as expected, and what the requests after it may use. */
export function judge({ expect, capture }: SuiteRequest, answer: SuiteAnswer, scope: Scope): Judgement {
  const problems = [
    ...statusProblems(expect, answer),
    ...headerProblems(expect, answer, scope),
    ...bodyProblems(expect, answer, scope),
    ...jsonProblems(expect, answer, scope),
  ];
  // What is captured of an answer that is not the expected one would only hide what is wrong.
  if (problems.length > 0) return { problems, captured: {} };
  const captured: Record<string, unknown> = {};
  for (const [name, what] of Object.entries(capture)) {
    const found = captureOf(what, answer, scope);
    if (found.kind === 'found') captured[name] = found.value;
    else problems.push(`nothing to capture as ${name}: ${found.why}`);
  }
  return { problems, captured };
}

function statusProblems({ status }: Expectation, answer: SuiteAnswer): string[] {
  const allowed = status === undefined ? undefined : [status].flat();
  const right =
    allowed === undefined ? answer.status >= 200 && answer.status < 300 : allowed.includes(answer.status);
  if (right) return [];
  return [`answered ${answer.status} instead of ${allowed?.join(' or ') ?? '2xx'}: ${excerpt(answer.body)}`];
}

function headerProblems({ header }: Expectation, answer: SuiteAnswer, scope: Scope): string[] {
  return Object.entries(header).flatMap(([name, expected]) => {
    const found = answer.headers[name.toLowerCase()];
    if (found === undefined) return [`the answer has no header ${name}`];
    const rules = typeof expected === 'object' ? expected : { equals: expected };
    const problems: string[] = [];
    if (rules.equals !== undefined && found !== fillText(String(rules.equals), scope))
      problems.push(`is ${show(found)} instead of ${show(fillText(String(rules.equals), scope))}`);
    if (rules.contains !== undefined && !found.includes(fillText(rules.contains, scope)))
      problems.push(`is ${show(found)}, without ${show(fillText(rules.contains, scope))}`);
    if (rules.matches !== undefined && !matcher(rules.matches, scope).test(found))
      problems.push(`is ${show(found)}, which ${rules.matches} does not match`);
    return problems.map((problem) => `the header ${name} ${problem}`);
  });
}

function bodyProblems({ body: rules }: Expectation, { body }: SuiteAnswer, scope: Scope): string[] {
  const texts = (given: string | string[] | undefined): string[] =>
    [given ?? []].flat().map((text) => fillText(text, scope));
  const lacking = texts(rules.contains).filter((text) => !body.includes(text));
  const wrong = texts(rules.excludes).filter((text) => body.includes(text));
  const unmatched = rules.matches !== undefined && !matcher(rules.matches, scope).test(body);
  return [
    ...lacking.map((text) => `the body does not contain ${show(text)}: ${excerpt(body)}`),
    ...wrong.map((text) => `the body contains ${show(text)}`),
    ...(unmatched ? [`the body does not match ${rules.matches}: ${excerpt(body)}`] : []),
  ];
}

/** Variables stand for themselves in a pattern, whatever characters they have. */
function matcher(pattern: string, scope: Scope): RegExp {
  const escaped = new Map(
    [...scope].map(([name, value]) => [name, textOf(value).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')] as const),
  );
  return new RegExp(fillText(pattern, escaped), 'u');
}

type JsonExpected = Expectation['json'][string];
type JsonRules = Extract<JsonExpected, object>;

function jsonProblems({ json }: Expectation, { body }: SuiteAnswer, scope: Scope): string[] {
  const wanted = Object.entries(json);
  if (wanted.length === 0) return [];
  const document = jsonOf(body);
  if (document === undefined) return [`the body is no JSON: ${excerpt(body)}`];
  return wanted.flatMap(([raw, expected]) => {
    const path = fillText(raw, scope);
    const values = selected(document, path);
    if (typeof values === 'string') return [values];
    const rules = typeof expected === 'object' && expected !== null ? expected : { equals: expected };
    return valueProblems(rules, values, scope).map((problem) => `${path} ${problem}`);
  });
}

function valueProblems(rules: JsonRules, values: readonly JsonValue[], scope: Scope): string[] {
  const found = values.length === 0 ? 'selects nothing' : `is ${values.map(show).join(', ').slice(0, 300)}`;
  const problems: string[] = [];
  const texts = values.filter((value) => typeof value === 'string');
  if (rules.exists === false && values.length > 0) problems.push(`${found}, and must not be there`);
  const others = [rules.equals, rules.contains, rules.matches, rules.count];
  // A path alone asks whether it is there.
  const asks =
    rules.exists === true || (rules.exists === undefined && others.every((one) => one === undefined));
  if (asks && values.length === 0) problems.push(found);
  if (rules.count !== undefined && values.length !== rules.count)
    problems.push(`selects ${values.length} values instead of ${rules.count}`);
  if (rules.equals !== undefined && !values.some((value) => isSame(value, rules.equals, scope)))
    problems.push(`${found} instead of ${show(fillValue(rules.equals, scope))}`);
  if (rules.contains !== undefined) {
    const part = fillText(rules.contains, scope);
    const lists = values.filter((value) => Array.isArray(value));
    const has = texts.some((text) => text.includes(part)) || lists.some((list) => list.includes(part));
    if (!has) problems.push(`${found}, without ${show(part)}`);
  }
  if (rules.matches !== undefined) {
    const pattern = matcher(rules.matches, scope);
    if (!texts.some((text) => pattern.test(text)))
      problems.push(`${found}, which ${rules.matches} does not match`);
  }
  return problems;
}

/** What was filled in may have come of a header or a text: it is compared as a text then, too. */
function isSame(value: JsonValue, expected: unknown, scope: Scope): boolean {
  const filled = fillValue(expected, scope);
  if (isDeepStrictEqual(value, filled)) return true;
  return filled !== expected && typeof expected === 'string' && textOf(value) === textOf(filled);
}

type Captured = { kind: 'found'; value: unknown } | { kind: 'missing'; why: string };

function captureOf(what: Capture, answer: SuiteAnswer, scope: Scope): Captured {
  if (what.json !== undefined) return jsonCapture(fillText(what.json, scope), answer.body);
  if (what.header !== undefined)
    return orMissing(answer.headers[what.header.toLowerCase()], `the answer has no header ${what.header}`);
  if (what.cookie !== undefined)
    return orMissing(answer.cookies[what.cookie], `there is no cookie ${what.cookie}`);
  const match = matcher(what.regex ?? '', scope).exec(answer.body);
  return orMissing(match?.[1] ?? match?.[0], `${what.regex} matches nothing in ${excerpt(answer.body)}`);
}

function jsonCapture(path: string, body: string): Captured {
  const document = jsonOf(body);
  if (document === undefined) return { kind: 'missing', why: `the body is no JSON: ${excerpt(body)}` };
  const values = selected(document, path);
  if (typeof values === 'string') return { kind: 'missing', why: values };
  return orMissing(values[0], `${path} selects nothing`);
}

function orMissing(value: unknown, why: string): Captured {
  return value === undefined ? { kind: 'missing', why } : { kind: 'found', value };
}

/** The values at a path; in words why there are none, where a variable made no path of it. */
function selected(document: JsonValue, path: string): JsonValue[] | string {
  try {
    return query(document, path);
  } catch {
    return `${path} is no JSONPath`;
  }
}

/** undefined where a text is no JSON. */
function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
