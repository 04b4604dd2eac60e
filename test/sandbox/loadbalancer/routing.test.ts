import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  compileCondition,
  wildcard,
  type RequestFacts,
} from '../../../automation/sandbox/loadbalancer/conditions';
import { WeightedChoice } from '../../../automation/sandbox/loadbalancer/weighted-choice';
import type { RuleCondition } from '../../../automation/sandbox/contract';
import { Bench, Cleanup, forward, group, rule, send } from './support';

const FACTS: RequestFacts = {
  host: 'shop.example.com',
  path: '/api/orders',
  query: 'version=v1&debug',
  method: 'GET',
  header: (name) => (name === 'user-agent' ? ['Mozilla/5.0 Chrome'] : []),
  sourceIp: '10.1.2.3',
};

function holds(condition: RuleCondition, facts: Partial<RequestFacts> = {}): boolean | undefined {
  return compileCondition(condition)?.({ ...FACTS, ...facts });
}

describe('patterns', () => {
  it.each([
    ['*.example.com', 'shop.example.com', true],
    ['*.example.com', 'example.com', false],
    ['/img/?.png', '/img/a.png', true],
    ['/img/?.png', '/img/ab.png', false],
    ['/a.b', '/aXb', false],
    ['/a.b*', '/a.bc', true],
    ['what\\?', 'what?', true],
    ['what\\?', 'whatX', false],
    ['a\\d*', 'a1', false],
    ['a\\d*', 'ad1', true],
    ['(x)*', '(x)y', true],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(wildcard(pattern, false)(text)).toBe(expected);
  });

  it('ignores case only when asked to', () => {
    expect(wildcard('SHOP.*', true)('shop.example.com')).toBe(true);
    expect(wildcard('/API/*', false)('/api/orders')).toBe(false);
  });
});

describe('conditions', () => {
  it.each<[string, RuleCondition, boolean]>([
    ['host', { Field: 'host-header', HostHeaderConfig: { Values: ['other', '*.EXAMPLE.com'] } }, true],
    ['host, old form', { Field: 'host-header', Values: ['example.com'] }, false],
    ['path', { Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*'] } }, true],
    ['path, other case', { Field: 'path-pattern', Values: ['/API/*'] }, false],
    [
      'header',
      { Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: 'User-Agent', Values: ['*chrome*'] } },
      true,
    ],
    [
      'header that is absent',
      { Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: 'X-A', Values: ['*'] } },
      false,
    ],
    [
      'query',
      { Field: 'query-string', QueryStringConfig: { Values: [{ Key: 'Version', Value: 'V1' }] } },
      true,
    ],
    ['query, any key', { Field: 'query-string', QueryStringConfig: { Values: [{ Value: 'v?' }] } }, true],
    [
      'query, value',
      { Field: 'query-string', QueryStringConfig: { Values: [{ Key: 'debug', Value: '1' }] } },
      false,
    ],
    ['method', { Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['GET', 'HEAD'] } }, true],
    ['method, other', { Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['get'] } }, false],
    ['source', { Field: 'source-ip', SourceIpConfig: { Values: ['10.1.0.0/16'] } }, true],
    ['source, other', { Field: 'source-ip', SourceIpConfig: { Values: ['10.2.0.0/16', '::1/128'] } }, false],
  ])('%s', (_name, condition, expected) => {
    expect(holds(condition)).toBe(expected);
  });
});

describe('WeightedChoice', () => {
  it('gives each group exactly its share, evenly interleaved', () => {
    const choice = new WeightedChoice([
      { arn: 'a', weight: 90 },
      { arn: 'b', weight: 10 },
      { arn: 'c', weight: 0 },
    ]);
    const picked = Array.from({ length: 100 }, () => choice.next());
    expect(picked.filter((arn) => arn === 'b')).toHaveLength(10);
    expect(picked.filter((arn) => arn === 'c')).toHaveLength(0);
    const places = picked.flatMap((arn, index) => (arn === 'b' ? [index] : []));
    for (const [index, place] of places.entries())
      if (index > 0) expect(place - (places[index - 1] ?? 0)).toBe(10);
  });

  it('chooses nothing when all weights are 0', () => {
    expect(new WeightedChoice([{ arn: 'a', weight: 0 }]).next()).toBeUndefined();
  });
});

describe('rules of a listener', () => {
  const cleanup = new Cleanup();
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.open(cleanup);
  });
  afterEach(() => cleanup.run());

  const fixed = (body: string) => ({
    Type: 'fixed-response',
    FixedResponseConfig: { StatusCode: '200', MessageBody: body, ContentType: 'text/plain' },
  });
  const path = (pattern: string): RuleCondition => ({ Field: 'path-pattern', Values: [pattern] });
  const host = (pattern: string): RuleCondition => ({ Field: 'host-header', Values: [pattern] });

  it('tries rules by number, not by order or text, and the default rule last', async () => {
    await bench.apply([
      rule('default', fixed('default')),
      rule('10', fixed('ten'), [path('/a*')]),
      rule('9', fixed('nine'), [path('/a/b*')]),
      rule('11', fixed('both'), [path('/c'), host('shop.*')]),
    ]);
    const body = async (url: string, headers = {}) => (await send(bench.port, { path: url, headers })).body;
    expect(await body('/a/b')).toBe('nine');
    expect(await body('/a')).toBe('ten');
    expect(await body('/c')).toBe('default');
    expect(await body('/c?x=/a', { Host: 'SHOP.example.com:81' })).toBe('both');
  });

  it('redirects with placeholders, as HTTP to HTTPS', async () => {
    const config = { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' };
    const moved = {
      Host: 'new.#{host}',
      Path: '/v2/#{path}',
      Query: '#{query}&from=#{port}',
      StatusCode: 'HTTP_302',
    };
    await bench.apply([
      rule('1', { Type: 'redirect', RedirectConfig: moved }, [path('/old/*')]),
      rule('default', { Type: 'redirect', RedirectConfig: config }),
    ]);
    const headers = { Host: 'shop.example.com' };
    const plain = await send(bench.port, { path: '/a/b?c=d', headers });
    expect(plain.status).toBe(301);
    expect(plain.headers.location).toBe('https://shop.example.com:443/a/b?c=d');
    const old = await send(bench.port, { path: '/old/x?y=1', headers });
    expect(old.status).toBe(302);
    expect(old.headers.location).toBe(
      `http://new.shop.example.com:${bench.port}/v2/old/x?y=1&from=${bench.port}`,
    );
  });

  it('answers 503 for a group with weight and no target, and never gives its share to another', async () => {
    await bench.run(cleanup, ['i-1']);
    await bench.apply([rule('default', forward({ a: 1, b: 1 }))], [group('a', ['i-1']), group('b', [])]);
    await bench.healthy('a', 'i-1');
    const replies = await Promise.all(Array.from({ length: 20 }, () => send(bench.port)));
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(10);
    const refused = replies.filter((reply) => reply.status === 503);
    expect(refused).toHaveLength(10);
    expect(refused[0]?.body).toContain('503 Service Temporarily Unavailable');
    expect(refused[0]?.headers.server).toBe('awselb/2.0');
  });

  it('never matches a condition that makes no sense, says why, and goes on with the others', async () => {
    await bench.apply([
      rule('1', fixed('block'), [{ Field: 'source-ip', SourceIpConfig: { Values: ['not an address'] } }]),
      rule('2', fixed('moon'), [{ Field: 'phase-of-the-moon', Values: ['full'] }]),
      rule('default', fixed('default')),
    ]);
    expect((await send(bench.port)).body).toBe('default');
    expect(bench.log).toEqual([
      expect.stringMatching(/source-ip condition of rule arn:rule:1 never matches: .*invalid/i),
      expect.stringContaining('phase-of-the-moon condition of rule arn:rule:2 never matches'),
    ]);
  });

  it('skips an authentication action, says so once, and does what follows it', async () => {
    const authenticated = {
      arn: 'arn:rule:default',
      priority: 'default',
      conditions: [],
      actions: [
        { ...fixed('in'), Order: 2 },
        { Type: 'authenticate-oidc', Order: 1 },
      ],
    };
    await bench.apply([authenticated]);
    expect((await send(bench.port)).body).toBe('in');
    await bench.reapply();
    expect((await send(bench.port)).body).toBe('in');
    expect(bench.log.filter((line) => line.includes('authenticate-oidc'))).toHaveLength(1);
  });
});

describe('ports', () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());
  const ok = rule('default', { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '204' } });

  it('reports a port that is taken, and opens it once it is free', async () => {
    const holder = await Bench.open(cleanup);
    await holder.apply([ok]);
    const bench = await Bench.open(cleanup);
    bench.listener.port = holder.port;
    await bench.apply([ok]);
    expect(bench.plane.listenerProblems()).toEqual([
      { listenerArn: bench.listener.arn, message: expect.stringContaining('EADDRINUSE') },
    ]);
    await holder.plane.close();
    await expect.poll(() => bench.plane.listenerProblems(), { timeout: 5000 }).toEqual([]);
    expect((await send(holder.port)).status).toBe(204);
  });

  it('moves a listener to another port and closes one that is gone', async () => {
    const bench = await Bench.open(cleanup);
    const other = await Bench.open(cleanup);
    await bench.apply([ok]);
    bench.listener.port = other.port;
    await bench.reapply();
    expect((await send(other.port)).status).toBe(204);
    await expect(send(bench.port)).rejects.toThrow('ECONNREFUSED');
    bench.loadBalancer.listeners = [];
    await bench.reapply();
    await expect(send(other.port)).rejects.toThrow('ECONNREFUSED');
  });
});
