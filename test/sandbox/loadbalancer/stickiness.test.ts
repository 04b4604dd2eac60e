import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, Cleanup, forward, group, rule, send, until, type Process, type Reply } from './support';

const cleanup = new Cleanup();
let bench: Bench;
let processes: Process[];
let clock: number;
/** What the targets set themselves. */
let applicationCookie: string | undefined;

beforeEach(async () => {
  clock = Date.now();
  applicationCookie = undefined;
  bench = await Bench.open(cleanup, { now: () => clock });
  processes = await bench.run(cleanup, ['i-b1', 'i-b2', 'i-g1', 'i-g2'], (_request, response) => {
    if (applicationCookie !== undefined) response.setHeader('Set-Cookie', applicationCookie);
    return false;
  });
});
afterEach(() => cleanup.run());

async function start(weights: Record<string, number>, attributes: Record<string, string>, seconds?: number) {
  const groups = [group('blue', ['i-b1', 'i-b2'], attributes), group('green', ['i-g1', 'i-g2'], attributes)];
  await bench.apply([rule('default', forward(weights, seconds))], groups);
  await bench.healthy('blue', 'i-b1', 'i-b2');
  await bench.healthy('green', 'i-g1', 'i-g2');
}

/** A client with a cookie store. */
class Browser {
  readonly cookies = new Map<string, string>();
  async get(): Promise<Reply> {
    const Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await send(bench.port, { headers: Cookie === '' ? {} : { Cookie } });
    for (const line of reply.headers['set-cookie'] ?? []) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      this.cookies.set(name, value);
    }
    return reply;
  }
  async bodies(count: number): Promise<string[]> {
    const bodies = new Set<string>();
    for (let round = 0; round < count; round += 1) bodies.add((await this.get()).body);
    return [...bodies];
  }
}

describe('stickiness to a target (lb_cookie)', () => {
  const attributes = {
    'stickiness.enabled': 'true',
    'stickiness.type': 'lb_cookie',
    'stickiness.lb_cookie.duration_seconds': '60',
  };
  beforeEach(() => start({ blue: 1, green: 0 }, attributes));

  it('sets the cookie and its twin and keeps the client with its target', async () => {
    const browser = new Browser();
    const first = await browser.get();
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(/^AWSALB=[\w.-]+; Expires=.* GMT; Path=\/$/),
      expect.stringMatching(/^AWSALBCORS=[\w.-]+; Expires=.* GMT; Path=\/; SameSite=None; Secure$/),
    ]);
    expect(await browser.bodies(6)).toEqual([first.body]);
    expect((await new Browser().bodies(1)).concat(await new Browser().bodies(1)).sort()).toEqual([
      'i-b1',
      'i-b2',
    ]);
  });

  it('starts the time anew with each request, and ends when it is over', async () => {
    const browser = new Browser();
    const first = (await browser.get()).body;
    for (let round = 0; round < 5; round += 1) {
      clock += 50_000;
      expect((await browser.get()).body).toBe(first);
    }
    clock += 61_000;
    const others = await Promise.all([browser.get(), browser.get()]);
    expect(new Set(others.map((reply) => reply.body)).size).toBe(2);
  });

  it('chooses another target when its own is unhealthy, and stays with that', async () => {
    const browser = new Browser();
    const first = (await browser.get()).body;
    const own = processes.find((process) => process.id === first);
    if (own) own.health = 500;
    await until('unhealthy', () => bench.health('blue', first) === 'unhealthy');
    const [second] = await browser.bodies(4);
    expect(second).not.toBe(first);
    if (own) own.health = 200;
    await bench.healthy('blue', first);
    expect(await browser.bodies(4)).toEqual([second]);
  });

  it('takes no notice of a cookie that was made up', async () => {
    const browser = new Browser();
    browser.cookies.set('AWSALB', 'nonsense').set('AWSALBCORS', '.zzzzzz');
    expect((await browser.get()).status).toBe(200);
  });
});

it('stickiness by the application’s own cookie (app_cookie) begins and ends with it', async () => {
  await start(
    { blue: 1, green: 0 },
    {
      'stickiness.enabled': 'true',
      'stickiness.type': 'app_cookie',
      'stickiness.app_cookie.cookie_name': 'SESSION',
      'stickiness.app_cookie.duration_seconds': '60',
    },
  );
  const browser = new Browser();
  expect((await browser.bodies(2)).sort()).toEqual(['i-b1', 'i-b2']);
  expect(browser.cookies.size).toBe(0);
  applicationCookie = 'SESSION=abc; Path=/';
  const first = await browser.get();
  expect(first.headers['set-cookie']).toHaveLength(2);
  expect(browser.cookies.get('AWSALBAPP-0')).toBeDefined();
  applicationCookie = undefined;
  expect(await browser.bodies(4)).toEqual([first.body]);
  browser.cookies.delete('SESSION');
  expect((await browser.bodies(2)).length).toBe(2);
});

describe('stickiness to a target group', () => {
  beforeEach(() => start({ blue: 1, green: 0 }, {}, 60));
  const colour = (bodies: string[]) => [...new Set(bodies.map((body) => body.slice(0, 3)))];

  it('keeps a client with its group against the weights, also weight 0, as AWS does', async () => {
    const known = new Browser();
    expect(colour(await known.bodies(2))).toEqual(['i-b']);
    expect(known.cookies.has('AWSALBTG') && known.cookies.has('AWSALBTGCORS')).toBe(true);
    await bench.apply([rule('default', forward({ blue: 0, green: 1 }, 60))]);
    expect(colour(await known.bodies(4))).toEqual(['i-b']);
    expect(colour(await new Browser().bodies(4))).toEqual(['i-g']);
    clock += 61_000;
    expect(colour(await known.bodies(4))).toEqual(['i-g']);
  });

  it('ends when the rule no longer names the group, or is no longer sticky', async () => {
    const known = new Browser();
    await known.get();
    await bench.apply([rule('default', forward({ green: 1 }, 60))]);
    expect(colour(await known.bodies(2))).toEqual(['i-g']);
    await bench.apply([rule('default', forward({ blue: 1, green: 0 }))]);
    expect(colour(await known.bodies(2))).toEqual(['i-b']);
  });
});
