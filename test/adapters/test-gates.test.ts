/** Tests that are gates, run for real: suites over HTTP, commands as processes, results as JUnit XML. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import path from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { casesOf, junitOf } from '../../src/adapters/junit';
import { LocalMigrations } from '../../src/adapters/local-commands';
import { Objects } from '../../src/adapters/objects';
import { HttpProber } from '../../src/adapters/prober';
import { readSuite, readTests } from '../../src/adapters/suite-files';
import { LocalTestGates } from '../../src/adapters/test-gates';
import { parseSuite } from '../../src/domain/suite/parse';
import type { TestPlace, TestWork } from '../../src/domain/suite/gate';
import { hasPassed, problemLines, type TestRun } from '../../src/domain/suite/result';
import type { SuiteInput } from '../../src/domain/suite/schema';
import { freePort } from '../support/ports';
import { must } from '../support/until';
import { refusal } from '../support/session';

const EXAMPLE = path.resolve(__dirname, '../../examples/service');
const servers: Server[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  delete process.env['TEST_GATES_SECRET'];
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return `http://127.0.0.1:${port}`;
}

const placeAt = (url: string): TestPlace => ({
  name: 'login',
  when: 'idle',
  url,
  version: '1.2.3',
  region: 'eu-west-3',
  environment: 'test',
  deployment: '20261121-120000-abcd',
});

/** A bucket of one object, as its client sees it. */
function bucket(): { objects: Objects; stored: Map<string, string> } {
  const stored = new Map<string, string>();
  const send = (command: { input: { Key?: string; Body?: string } }): Promise<unknown> => {
    const { Key = '', Body } = command.input;
    if (Body !== undefined) stored.set(Key, Body);
    else if (!stored.has(Key))
      return Promise.reject(Object.assign(new Error('absent'), { name: 'NoSuchKey' }));
    return Promise.resolve({ Body: { transformToString: () => Promise.resolve(stored.get(Key)) } });
  };
  return { objects: new Objects({ send } as unknown as S3Client, 'bucket'), stored };
}

function gates(domain?: string): { gates: LocalTestGates; stored: Map<string, string> } {
  const { objects, stored } = bucket();
  const prober = new HttpProber(domain);
  const tools = { prober, commands: new LocalMigrations(), domain, environment: 'test', objects };
  return { gates: new LocalTestGates(tools), stored };
}

const never = new AbortController().signal;

interface Options {
  domain?: string;
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

function run(url: string, work: TestWork, options: Options = {}): Promise<TestRun> {
  const { domain, timeoutSeconds = 30, signal = never } = options;
  return gates(domain).gates.run({ ...placeAt(url), work, timeoutSeconds }, signal);
}

function suite(input: SuiteInput): TestWork {
  const parsed = parseSuite(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return { kind: 'suite', file: 'tests/login.yaml', suite: parsed.suite };
}

const ended = (found: TestRun): string[] => found.cases.map(({ outcome }) => outcome);

describe('a suite', () => {
  it('logs in and finds a name on the second page of the example service', async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [path.join(EXAMPLE, 'server.js')], {
      env: { PORT: String(port), HOST: '127.0.0.1', BASCULE_VERSION: '1.2.3' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(must(child.stdout), 'data');
    const work: TestWork = {
      kind: 'suite',
      file: 'tests/login.yaml',
      suite: await readSuite(EXAMPLE, 'tests/login.yaml'),
    };
    const found = await run(`http://127.0.0.1:${port}`, work);
    expect(problemLines(found)).toEqual([]);
    expect(ended(found)).toEqual(['passed', 'passed', 'passed']);
    const wrong = await readSuite(EXAMPLE, 'tests/login.yaml');
    wrong.variables['password'] = 'guess';
    const refused = await run(`http://127.0.0.1:${port}`, { ...work, suite: wrong });
    expect(ended(refused)).toEqual(['passed', 'failed', 'skipped']);
    expect(problemLines(refused)[0]).toMatch(
      /^log in: answered 401 instead of 2xx: .*wrong name or password/,
    );
  });

  it('keeps cookies, also those for TLS alone, and follows redirections of the service, by any of its names', async () => {
    const seen: string[] = [];
    const url = await serve((message, response) => {
      seen.push(`${message.method} ${message.url} ${message.headers.cookie ?? '-'}`);
      if (message.url === '/login')
        response.writeHead(302, {
          'set-cookie': [
            'a=1; Secure; HttpOnly; Expires=Wed, 01 Jan 2120 00:00:00 GMT',
            'b=2; Domain=shop.example.com',
          ],
          location: 'https://shop.example.com/home',
        });
      response.end('hello');
    });
    const requests: SuiteInput['requests'] = [
      { method: 'POST', path: '/login', form: { a: 1 }, capture: { mine: { cookie: 'b' } } },
      { path: '/again?{{mine}}', headers: { cookie: 'c=3' } },
      { path: '/login', redirects: 'keep', expect: { status: 302 } },
    ];
    expect(ended(await run(url, suite({ requests }), { domain: 'shop.example.com' }))).toEqual([
      'passed',
      'passed',
      'passed',
    ]);
    expect(seen).toEqual([
      'POST /login -',
      'GET /home a=1; b=2',
      'GET /again?2 c=3; a=1; b=2',
      'GET /login a=1; b=2',
    ]);
  });

  it('goes to no other host, and round no circle', async () => {
    const url = await serve((message, response) => {
      response.writeHead(302, {
        location: message.url === '/out' ? 'https://elsewhere.example.com/' : '/circle',
      });
      response.end();
    });
    const out = await run(url, suite({ requests: [{ path: '/out' }, { path: '/out' }] }));
    expect(problemLines(out)).toEqual(['GET /out: answered 302 instead of 2xx: (empty body)']);
    const circle = await run(url, suite({ requests: [{ path: '/circle' }] }));
    expect(problemLines(circle)[0]).toContain('more than 10 redirections');
  });

  it('tries again where it may, ends at its time, and ends when nobody wants it any more', async () => {
    let asked = 0;
    const url = await serve((message, response) => {
      asked += 1;
      if (message.url === '/silent') return;
      response.writeHead(asked < 2 ? 503 : 200).end();
    });
    expect(ended(await run(url, suite({ requests: [{ path: '/', attempts: 3 }] })))).toEqual(['passed']);
    expect(asked).toBe(2);
    const slow = suite({ requests: [{ path: '/silent' }, { path: '/' }] });
    const late = await run(url, slow, { timeoutSeconds: 3 });
    expect(ended(late)).toEqual(['failed', 'skipped']);
    const left = await run(url, slow, { signal: AbortSignal.abort() });
    expect(ended(left)).toEqual(['failed', 'skipped']);
    expect(asked).toBe(3);
  });

  it('prints no secret, and does not begin without it', async () => {
    process.env['TEST_GATES_SECRET'] = 'pass word';
    const heard: IncomingMessage['headers'][] = [];
    const url = await serve((message, response) => {
      heard.push(message.headers);
      let body = '';
      message.on('data', (part: Buffer) => (body += part.toString()));
      message.on('end', () => response.writeHead(403).end(`you sent ${body}`));
    });
    const requests: SuiteInput['requests'] = [
      {
        name: 'as {{env.TEST_GATES_SECRET}}',
        method: 'POST',
        path: '/',
        headers: { authorization: 'Bearer {{env.TEST_GATES_SECRET}}' },
        form: { password: '{{env.TEST_GATES_SECRET}}' },
      },
    ];
    const work = suite({ requests });
    const found = await run(url, work);
    expect(heard[0]?.authorization).toBe('Bearer pass word');
    expect(problemLines(found)).toEqual([
      'as {{env.TEST_GATES_SECRET}}: answered 403 instead of 2xx: you sent password=***',
    ]);
    expect(junitOf(found, placeAt(url))).not.toMatch(/pass.{1,3}word/);
    delete process.env['TEST_GATES_SECRET'];
    expect((await run(url, work)).lacking).toEqual(['TEST_GATES_SECRET']);
    expect(gates().gates.lacking([{ work }])).toEqual(['TEST_GATES_SECRET']);
  });

  it('takes what HTTP cannot carry for a failure of the request', async () => {
    const url = await serve((_, response) => response.setHeader('x-odd', 'a b').end());
    const requests: SuiteInput['requests'] = [
      { path: '/', capture: { odd: { header: 'x-odd' } } },
      { path: '/', headers: { 'x-odd': 'a\nb' } },
    ];
    const found = await run(url, suite({ requests }));
    expect(ended(found)).toEqual(['passed', 'failed']);
    expect(problemLines(found)[0]).toMatch(/Invalid character in header/);
  });
});

describe('a command', () => {
  const node = (script: string): TestWork => ({ kind: 'command', command: [process.execPath, '-e', script] });
  const writes = (xml: string): TestWork =>
    node(`require('fs').writeFileSync(process.env.BASCULE_JUNIT, ${JSON.stringify(xml)});
      console.log(require('path').dirname(process.env.BASCULE_JUNIT))`);

  it('is told what to test, and passes with exit code 0', async () => {
    const script = `const e = process.env; console.log([e.BASCULE_URL, e.BASCULE_HOST, e.BASCULE_VERSION, e.BASCULE_REGION,
      e.BASCULE_ENVIRONMENT, e.BASCULE_DEPLOYMENT, e.BASCULE_WHEN].join(' '))`;
    const found = await run('http://here', node(script));
    expect(found.output.trim()).toBe('http://here here 1.2.3 eu-west-3 test 20261121-120000-abcd idle');
    expect(hasPassed(found)).toBe(true);
    expect(casesOf(junitOf(found, placeAt('http://here')))).toMatchObject([{ outcome: 'passed' }]);
  });

  it('fails with any other, with the end of its output, when it takes too long, or cannot begin', async () => {
    const failed = await run('http://here', node(`console.log('no such customer'); process.exit(3)`));
    expect(hasPassed(failed)).toBe(false);
    expect(problemLines(failed)).toEqual([expect.stringMatching(/exited with 3$/), '| no such customer']);
    expect(casesOf(junitOf(failed, placeAt('http://here')))).toMatchObject([
      { name: 'login', outcome: 'failed', problems: [expect.stringContaining('| no such customer')] },
    ]);
    const late = await run('http://here', node('setInterval(() => {}, 1000)'), { timeoutSeconds: 1 });
    expect(problemLines(late)[0]).toMatch(/did not end within 1 s/);
    const absent = await run('http://here', { kind: 'command', command: ['/nowhere/test'] });
    expect(problemLines(absent)[0]).toMatch(/could not be started: .*ENOENT/);
  });

  it('may say more as JUnit XML, which is kept as it is; a failure in it counts whatever the exit code', async () => {
    const xml = `<?xml version="1.0"?><testsuites><testsuite name="s"><testcase classname="shop" name="a" time="0.5"/>
      <testsuite name="inner"><testcase name="b"><failure message="wrong &amp; bad">at line 3</failure></testcase>
      <testcase name="c"><skipped/></testcase><testcase name="d"><error>boom</error></testcase></testsuite></testsuite></testsuites>`;
    const found = await run('http://here', writes(xml));
    expect(found.output).toMatch(/bascule-test-/);
    expect(existsSync(found.output.trim())).toBe(false);
    expect(found.cases).toEqual([
      { name: 'b', seconds: 0, outcome: 'failed', problems: ['wrong & bad\nat line 3'] },
      { name: 'c', seconds: 0, outcome: 'skipped', problems: [] },
      { name: 'd', seconds: 0, outcome: 'failed', problems: ['boom'] },
      { name: 'shop a', seconds: 0.5, outcome: 'passed', problems: [] },
    ]);
    expect(hasPassed(found)).toBe(false);
    expect(junitOf(found, placeAt('http://here'))).toBe(xml);
  });

  it.each([
    ['no XML', 'all well'],
    ['no JUnit XML', '<html/>'],
    ['XML that is cut off', '<testsuite><testcase name="a">'],
  ])('that writes %s has failed: nobody knows what it meant', async (_, text) => {
    const found = await run('http://here', writes(text));
    expect(problemLines(found)[0]).toBe('what it wrote to BASCULE_JUNIT is no JUnit XML');
    expect(casesOf(junitOf(found, placeAt('http://here')))).toMatchObject([{ outcome: 'failed' }]);
  });
});

describe('results', () => {
  it('are kept in the bucket as JUnit XML under the step, and read from there', async () => {
    const { gates: kept, stored } = gates();
    const place = placeAt('http://here');
    const of = { deployment: place.deployment, step: 'test:eu-west-3:idle:login' };
    expect(await kept.kept(of)).toBeUndefined();
    const run: TestRun = {
      cases: [
        { name: 'log in', seconds: 0.25, outcome: 'passed', problems: [] },
        { name: 'list <b>', seconds: 1, outcome: 'failed', problems: ['is "\u0007"', 'and more & more'] },
        { name: 'end', seconds: 0, outcome: 'skipped', problems: [] },
      ],
      seconds: 1.25,
      problems: [],
      output: '',
    };
    const key = await kept.keep(run, place, of);
    expect(key).toBe('environments/test/tests/20261121-120000-abcd/test:eu-west-3:idle:login.xml');
    expect(stored.get(key)).toMatch(/<testsuite [^>]*tests="3" failures="1"/);
    expect(await kept.kept(of)).toMatchObject([
      { name: 'login log in', seconds: 0.25, outcome: 'passed' },
      { name: 'login list <b>', outcome: 'failed', problems: ['is "�"\nand more & more'] },
      { name: 'login end', outcome: 'skipped' },
    ]);
    stored.set(key, 'gibberish');
    expect(await kept.kept(of)).toBeUndefined();
  });
});

describe('the tests of a configuration', () => {
  it('are read with their suites; what is wrong is named with its line', async () => {
    const settings = { name: 'login', when: ['idle' as const], timeoutSeconds: 10 };
    expect(
      await readTests(EXAMPLE, [
        { ...settings, suite: 'tests/login.yaml' },
        { ...settings, command: ['true'] },
      ]),
    ).toMatchObject([
      { name: 'login', work: { kind: 'suite', file: 'tests/login.yaml' } },
      { work: { kind: 'command', command: ['true'] } },
    ]);
    const absent = await refusal(readSuite(EXAMPLE, 'tests/none.yaml'));
    expect(absent).toMatchObject({ code: 'BASCULE_SUITE_INVALID', exitCode: 2 });
    expect(absent.details[0]).toMatch(/^tests\/none.yaml: cannot be read: ENOENT/);
    const wrong = await refusal(readSuite(EXAMPLE, 'Procfile'));
    expect(wrong.code).toBe('BASCULE_SUITE_INVALID');
  });
});
