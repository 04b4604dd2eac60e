/** HTTP suites without HTTP: what a file may say, what is sent, and what an answer is worth. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { pathText } from '../../src/domain/config';
import { destinationOf, prepare, redirected } from '../../src/domain/suite/exchange';
import { judge, type SuiteAnswer } from '../../src/domain/suite/judge';
import { parseSuite } from '../../src/domain/suite/parse';
import type { Suite, SuiteInput, SuiteRequest } from '../../src/domain/suite/schema';
import { environmentNames, firstScope, Redactor } from '../../src/domain/suite/variables';
import { must } from '../support/until';

function suiteOf(input: SuiteInput): Suite {
  const parsed = parseSuite(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.suite;
}

const requestOf = (input: Partial<SuiteInput['requests'][number]>): SuiteRequest =>
  must(suiteOf({ variables: { a: 'x.y', n: 7 }, requests: [{ path: '/', ...input }] }).requests[0]);

const scope = new Map<string, unknown>([
  ['a', 'x.y'],
  ['n', 7],
]);

const answer = (change: Partial<SuiteAnswer> = {}): SuiteAnswer => ({
  status: 200,
  headers: {},
  body: '',
  cookies: {},
  ...change,
});

/** What is wrong with an answer, for an expectation. */
const wrong = (
  expectation: SuiteInput['requests'][number]['expect'],
  found: Partial<SuiteAnswer>,
): string[] => judge(requestOf({ expect: expectation ?? {} }), answer(found), scope).problems;

describe('a suite', () => {
  it('is what the example is', async () => {
    const file = path.resolve(__dirname, '../../examples/service/tests/login.yaml');
    const { requests } = suiteOf(parse(await readFile(file, 'utf8')) as SuiteInput);
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET']);
  });

  it.each<[string, unknown, string, RegExp]>([
    ['no request', { requests: [] }, 'requests', /at least 1/],
    ['an unknown key', { requests: [{ path: '/', pth: 1 }] }, 'requests[0].pth', /unknown key/],
    ['a path that is none', { requests: [{ path: 'login' }] }, 'requests[0].path', /must start with \//],
    ['two bodies', { requests: [{ path: '/', body: 'x', json: 1 }] }, 'requests[0]', /only one of/],
    [
      'a bad pattern',
      { requests: [{ path: '/', expect: { body: { matches: '(' } } }] },
      'requests[0].expect.body.matches',
      /no regular expression/,
    ],
    [
      'a bad JSONPath',
      { requests: [{ path: '/', expect: { json: { 'a.b': 1 } } }] },
      'requests[0].expect.json["a.b"]',
      /no JSONPath/,
    ],
    [
      'a capture of nothing',
      { requests: [{ path: '/', capture: { a: {} } }] },
      'requests[0].capture.a',
      /exactly one of/,
    ],
    [
      'an unknown variable',
      { requests: [{ path: '/{{b}}' }] },
      'requests[0].path',
      /\{\{b\}\} is no variable/,
    ],
    [
      'a variable before its capture',
      { requests: [{ path: '/{{b}}', capture: { b: { header: 'x' } } }] },
      'requests[0].path',
      /capture it in a request before/,
    ],
  ])('is refused for %s', (_, raw, at, message) => {
    const parsed = parseSuite(raw);
    const problems = parsed.ok ? [] : parsed.problems;
    expect(problems.map((one) => pathText(one.path))).toEqual([at]);
    expect(problems[0]?.message).toMatch(message);
  });

  it('begins with its own variables, those of the environment and what is tested', () => {
    const suite = suiteOf({
      variables: { key: 'Basic {{env.KEY}}', both: '{{key}} {{bascule.version}}' },
      requests: [{ path: '/', headers: { authorization: '{{both}}' } }],
    });
    expect(environmentNames(suite)).toEqual(['KEY']);
    const place = {
      name: 'login',
      when: 'idle' as const,
      url: 'http://here',
      version: '2.0.0',
      region: 'eu-west-3',
      environment: 'test',
      deployment: '',
    };
    expect(firstScope(suite, place, { KEY: 's3' }).get('both')).toBe('Basic s3 2.0.0');
  });
});

describe('a request', () => {
  it('is sent with its variables, a form as forms are, JSON with the values as they are', () => {
    expect(prepare(requestOf({ path: '/{{a}}?n={{ n }}', headers: { 'X-A': '{{a}}' } }), scope)).toEqual({
      method: 'GET',
      target: '/x.y?n=7',
      headers: { 'X-A': 'x.y' },
    });
    expect(prepare(requestOf({ method: 'POST', form: { q: 'a&{{a}}', n: 1 } }), scope)).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'q=a%26x.y&n=1',
    });
    const json = prepare(
      requestOf({ method: 'POST', json: { n: '{{n}}', t: 'n={{n}}', l: ['{{a}}'] } }),
      scope,
    );
    expect(json.headers).toEqual({ 'content-type': 'application/json' });
    expect(JSON.parse(must(json.body))).toEqual({ n: 7, t: 'n=7', l: ['x.y'] });
    expect(
      prepare(requestOf({ body: '{{a}}', headers: { 'Content-Type': 'text/csv' } }), scope),
    ).toMatchObject({
      headers: { 'Content-Type': 'text/csv' },
      body: 'x.y',
    });
  });

  it('stays on the host that is tested, by whatever name it has', () => {
    const origin = { url: 'http://127.0.0.9:8081', host: 'shop.example.com' };
    const to = (target: string) => destinationOf(target, '/shop/list?page=1', origin);
    expect(to('/next')).toEqual({ kind: 'here', path: '/next' });
    expect(to('next?page=2')).toEqual({ kind: 'here', path: '/shop/next?page=2' });
    expect(to('https://shop.example.com/a?b=1')).toEqual({ kind: 'here', path: '/a?b=1' });
    expect(to('http://127.0.0.9:8081/a')).toEqual({ kind: 'here', path: '/a' });
    expect(to('https://elsewhere.example.com/')).toMatchObject({ kind: 'elsewhere' });
    expect(to('//elsewhere.example.com/')).toMatchObject({ kind: 'elsewhere' });
    expect(to('http://[')).toMatchObject({ kind: 'nowhere' });
  });

  it('that is redirected goes on as browsers do', () => {
    const post = {
      method: 'POST',
      target: '/',
      headers: { 'Content-Type': 'text/plain', a: 'b' },
      body: 'x',
    };
    expect(redirected(post, 303, '/to')).toEqual({ method: 'GET', target: '/to', headers: { a: 'b' } });
    expect(redirected(post, 302, '/to')).toMatchObject({ method: 'GET' });
    expect(redirected(post, 307, '/to')).toEqual({ ...post, target: '/to' });
    expect(redirected({ ...post, method: 'HEAD' }, 303, '/to')).toMatchObject({ method: 'HEAD' });
  });
});

describe('an answer', () => {
  it('has the status that is expected, 2xx where none is', () => {
    expect(wrong({}, { status: 204 })).toEqual([]);
    expect(wrong({}, { status: 302 })).toEqual(['answered 302 instead of 2xx: (empty body)']);
    expect(wrong({ status: [301, 302] }, { status: 302 })).toEqual([]);
    expect(wrong({ status: 404 }, { body: 'hello' })).toEqual(['answered 200 instead of 404: hello']);
  });

  it('has the headers that are expected, whatever their case', () => {
    const headers = { 'x-version': '7', location: '/a?b' };
    expect(
      wrong({ header: { 'X-Version': '{{n}}', Location: { contains: '/a', matches: 'b$' } } }, { headers }),
    ).toEqual([]);
    expect(wrong({ header: { 'x-version': '8', missing: 'a' } }, { headers })).toEqual([
      'the header x-version is "7" instead of "8"',
      'the answer has no header missing',
    ]);
    expect(wrong({ header: { location: { contains: 'c', matches: '^b' } } }, { headers })).toHaveLength(2);
  });

  it('has the body that is expected; a variable in a pattern stands for itself', () => {
    expect(
      wrong({ body: { contains: ['a{{n}}', 'b'], excludes: 'c', matches: '^a\\d' } }, { body: 'a7 b' }),
    ).toEqual([]);
    expect(wrong({ body: { contains: ['q'], excludes: ['a'], matches: '^b' } }, { body: 'a7 b' })).toEqual([
      'the body does not contain "q": a7 b',
      'the body contains "a"',
      'the body does not match ^b: a7 b',
    ]);
    expect(wrong({ body: { matches: '^{{a}}$' } }, { body: 'x.y' })).toEqual([]);
    expect(wrong({ body: { matches: '^{{a}}$' } }, { body: 'xzy' })).toHaveLength(1);
  });

  it('has the values that are expected in its JSON', () => {
    const body = JSON.stringify({
      n: 7,
      t: '7',
      user: { name: 'Ada' },
      list: [{ name: 'Grace' }, { name: 'Ken' }],
      none: null,
    });
    expect(
      wrong(
        {
          json: {
            '$.n': 7,
            '$.t': '{{n}}',
            '$.user': { equals: { name: 'Ada' } },
            '$.list[*].name': 'Ken',
            '$.list': { exists: true },
            '$.list.*': { count: 2 },
            '$.list[?@.name=="Grace"]': {},
            '$..name': { contains: 'Gra', matches: '^A' },
            '$.none': null,
            '$.missing': { exists: false },
          },
        },
        { body },
      ),
    ).toEqual([]);
    expect(wrong({ json: { '$.n': '7', '$.list[*].name': 'Ada', '$.missing': 1 } }, { body })).toEqual([
      '$.n is 7 instead of "7"',
      '$.list[*].name is "Grace", "Ken" instead of "Ada"',
      '$.missing selects nothing instead of 1',
    ]);
    expect(
      wrong(
        { json: { '$.list.*': { count: 1, contains: 'Z' }, '$.n': { exists: false }, '$.q': {} } },
        { body },
      ),
    ).toHaveLength(4);
    expect(wrong({ json: { '$.n': 7 } }, { body: '<html>' })).toEqual(['the body is no JSON: <html>']);
  });

  it('gives what is captured, or fails', () => {
    const found = answer({
      body: '{"next":{"page":2},"token":"t-1"}',
      headers: { etag: 'W/1' },
      cookies: { session: 's' },
    });
    const take = (capture: SuiteRequest['capture']) => judge(requestOf({ capture }), found, scope);
    expect(
      take({
        page: { json: '$.next.page' },
        tag: { header: 'ETag' },
        token: { regex: '"token":"([^"]+)"' },
        whole: { regex: 't-\\d' },
        session: { cookie: 'session' },
      }),
    ).toEqual({ problems: [], captured: { page: 2, tag: 'W/1', token: 't-1', whole: 't-1', session: 's' } });
    const { problems } = take({
      a: { json: '$.q' },
      b: { header: 'q' },
      c: { regex: 'q' },
      d: { cookie: 'q' },
    });
    expect(problems.map((one) => one.slice(0, 24))).toEqual([
      'nothing to capture as a:',
      'nothing to capture as b:',
      'nothing to capture as c:',
      'nothing to capture as d:',
    ]);
  });
});

describe('a secret', () => {
  it('is taken out in every way that a request may have written it', () => {
    const redactor = new Redactor(['a b"c', '']);
    expect(redactor.redact('a b"c, a+b%22c, a%20b%22c, a b\\"c, other')).toBe('***, ***, ***, ***, other');
  });
});
