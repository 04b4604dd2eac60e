import { query } from 'jsonpath-rfc9535';
import { problemsOf } from '../config/problems';
import { messageOf } from '../errors';
import { suiteSchema, type Suite } from './schema';
import { variableProblems, type SuiteProblem } from './variables';

export type ParsedSuite = { ok: true; suite: Suite } | { ok: false; problems: SuiteProblem[] };

/** Checks a suite and fills in its defaults; all problems are reported, not the first alone. */
export function parseSuite(raw: unknown): ParsedSuite {
  const result = suiteSchema.safeParse(raw);
  if (!result.success) return { ok: false, problems: problemsOf(result.error.issues, raw) };
  const suite = result.data;
  const problems = [...variableProblems(suite), ...pathProblems(suite)];
  return problems.length === 0 ? { ok: true, suite } : { ok: false, problems };
}

function pathProblems({ requests }: Suite): SuiteProblem[] {
  return requests.flatMap(({ expect, capture }, index) => {
    const expected = Object.keys(expect.json).map((path) => ({ at: ['expect', 'json', path], path }));
    const captured = Object.entries(capture).flatMap(([name, { json }]) =>
      json === undefined ? [] : [{ at: ['capture', name, 'json'], path: json }],
    );
    return [...expected, ...captured].flatMap(({ at, path }) => {
      const why = whyNoPath(path);
      return why === undefined
        ? []
        : [{ path: ['requests', index, ...at], message: `${path} is no JSONPath (RFC 9535): ${why}` }];
    });
  });
}

function whyNoPath(path: string): string | undefined {
  try {
    query(null, path);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}
