/** What `status` says of each region, and whether its traffic proves a version. */
import { beforeEach, describe, expect, it } from 'vitest';
import { renderExpectations, renderStatus } from '../../automation/cli/output/tables';
import { deploy } from '../../automation/operations/deploy';
import { expectVersion } from '../../automation/operations/expect-version';
import { status } from '../../automation/operations/status';
import { BasculeError } from '../../src/domain/errors';
import type { Image } from '../../src/ports';
import { livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import { refusal, sessionOf, type TestSession } from '../support/session';

const PARIS = 'eu-west-3';
const FRANKFURT = 'eu-central-1';
let world: FakeWorld;
let session: TestSession;

beforeEach(() => {
  const place = livePlace({ regions: [PARIS, FRANKFURT] });
  ({ world } = place);
  session = sessionOf(world, place.journal, place.leases);
});

function silent(region: string): void {
  const { traffic, ...rest } = world.region(region);
  const routes = () =>
    Promise.reject(
      new BasculeError({
        code: 'BASCULE_AWS_UNREACHABLE',
        message: 'no answer',
        next: 'wait',
        blame: 'world',
      }),
    );
  const cut = { ...rest, traffic: Object.assign(Object.create(traffic) as typeof traffic, { routes }) };
  const whole = world.region.bind(world);
  world.region = (name) => (name === region ? cut : whole(name));
}

/** The images of every release, with what a test changes in one region. */
function images(change: (region: string) => Partial<Image> | undefined): void {
  const tags = { 'bascule:content': 'c'.repeat(64) };
  const image = { id: 'ami-1', version: '', state: 'available', tags, createdAt: '' };
  Object.assign(world.images, {
    find: (region: string, _: string, version: string) =>
      Promise.resolve({ ...image, region, version, ...change(region) }),
  });
}

async function driftIn(region: string): Promise<string[]> {
  return (await status(session)).regions.find((one) => one.region === region)?.drift ?? [];
}

async function expected(version: string, requests = 20) {
  return expectVersion(session, (await status(session)).regions, { version, requests });
}

describe('the status of regions', () => {
  it('tells version, colour, weights and healthy hosts of each, and no drift after a deployment', async () => {
    await deploy(session, { version: '2.0.0', force: false });
    for (const region of (await status(session)).regions) {
      expect(region).toMatchObject({ unknown: null, live: 'green', version: '2.0.0', drift: [] });
      expect(region.fleets.find(({ role }) => role === 'live')).toMatchObject({ healthy: 2, desired: 2 });
      expect(region.routes[0]?.weights).toBe('blue 0, green 100');
    }
  });

  it('shows one that gives no answer as unknown, and the others as they are', async () => {
    silent(FRANKFURT);
    const found = await status(session);
    expect(found.regions.map(({ region, unknown, version }) => [region, unknown, version])).toEqual([
      [PARIS, null, '1.0.0'],
      [FRANKFURT, 'no answer', null],
    ]);
    expect(renderStatus(found)).toMatch(/eu-central-1 {2}unknown .*\n {2}it gave no answer: no answer/);
  });

  it('tells of a region that serves another release than the last deployment left', async () => {
    await deploy(session, { version: '2.0.0', force: false });
    world.runs('blue', '1.0.0', 2, FRANKFURT);
    for (const id of world.at(FRANKFURT).routeList.map((route) => route.id))
      world.at(FRANKFURT).setWeights(id, { blue: 100, green: 0 });
    expect(await driftIn(PARIS)).toEqual([]);
    expect(await driftIn(FRANKFURT)).toEqual(['serves 1.0.0; the last deployment that succeeded left 2.0.0']);
    expect(renderStatus(await status(session))).toContain('  drift: serves 1.0.0; the last deployment');
  });

  it('holds regions against one another where no deployment is known', async () => {
    expect(await driftIn(FRANKFURT)).toEqual([]);
    world.runs('blue', '1.1.0', 2, FRANKFURT);
    world.at(FRANKFURT).scale('blue', 0);
    world.at(FRANKFURT).scale('blue', 2);
    expect(await driftIn(FRANKFURT)).toEqual(['serves 1.1.0; eu-west-3 serves 1.0.0']);
  });

  it('tells of another content, of another image and of instances that are not the group’s', async () => {
    images((region) => (region === FRANKFURT ? { tags: { 'bascule:content': 'd'.repeat(64) } } : {}));
    expect(await driftIn(PARIS)).toEqual([]);
    expect(await driftIn(FRANKFURT)).toEqual([
      '1.0.0: image ami-1 has content dddddddddddd, and ami-1 in eu-west-3 content cccccccccccc',
    ]);
    images(() => ({}));
    const fleet = world.at(PARIS).fleets.get('blue');
    const [first, second] = fleet?.instances ?? [];
    if (fleet === undefined || first === undefined || second === undefined) throw new Error('no instances');
    fleet.instances = [
      { ...first, imageId: 'ami-2' },
      { ...second, imageId: 'ami-1' },
    ];
    expect(await driftIn(PARIS)).toEqual(['1 of 2 instances run image ami-2; 1.0.0 has image ami-1 here']);
    fleet.version = '1.0.1';
    expect(await driftIn(PARIS)).toContain(
      '2 of 2 instances on blue run another release than new ones get, 1.0.1',
    );
  });
});

describe('an expected version', () => {
  it('is proven by the traffic of every region', async () => {
    const found = await expected('1.0.0', 25);
    expect(found).toMatchObject({ proven: true, requests: 25 });
    expect(found.regions.map(({ answered }) => answered)).toEqual([{ '1.0.0': 25 }, { '1.0.0': 25 }]);
    expect(renderExpectations(found)).toContain('Every region serves 1.0.0 by its own traffic.');
  });

  it('is not where one region answers with another, whatever its tags say', async () => {
    // The tags of group and instances say 1.0.0, as they do where a person replaced what runs on them.
    world.at(FRANKFURT).answer = () => ({
      kind: 'answered',
      status: 200,
      headers: { 'x-version': '0.9.0' },
      body: '',
    });
    const found = await expected('1.0.0');
    expect(found.proven).toBe(false);
    expect(found.regions[1]).toMatchObject({
      region: FRANKFURT,
      proven: false,
      answered: { '0.9.0': 20 },
      problems: ['20 of 20 requests: answered by 0.9.0'],
    });
    expect(renderExpectations(found)).toMatch(/eu-central-1 +not proven +20 of 20 answered by 0\.9\.0/);
  });

  it('is not where some requests are answered by another, or routes are shared', async () => {
    let count = 0;
    const { answer } = world.at(PARIS);
    world.at(PARIS).answer = () =>
      (count += 1) === 13
        ? { kind: 'answered', status: 502, headers: {}, body: '' }
        : answer.call(world.at(PARIS));
    expect((await expected('1.0.0')).regions[0]?.problems).toEqual(['1 of 20 requests: answered 502']);
    world.at(PARIS).answer = answer;
    world.at(PARIS).setWeights('rule-1', { blue: 50, green: 50 });
    world.at(PARIS).answer = () => ({
      kind: 'answered',
      status: 200,
      headers: { 'x-version': '1.0.0' },
      body: '',
    });
    expect((await expected('1.0.0')).proven).toBe(false);
  });

  it('is not where a region gives no answer, or nothing tells which release answers', async () => {
    session.policy = { ...session.policy, proof: { ...session.policy.proof, header: null } };
    expect((await expected('1.0.0')).regions[0]?.problems[0]).toMatch(/deployment\.proof\.header/);
    session.policy = { ...session.policy, proof: { ...session.policy.proof, header: 'x-version' } };
    silent(FRANKFURT);
    const found = await expected('1.0.0');
    expect(found.regions.map(({ proven }) => proven)).toEqual([true, false]);
    expect(found.proven).toBe(false);
  });
});

describe('a release that is not the same everywhere', () => {
  it('is refused before any region starts, with region and difference', async () => {
    images((region) => (region === FRANKFURT ? { tags: { 'bascule:content': 'd'.repeat(64) } } : {}));
    const error = await refusal(deploy(session, { version: '2.0.0', force: false }));
    expect(error).toMatchObject({ code: 'BASCULE_RELEASE_SET_BROKEN', exitCode: 2 });
    expect(error.message).toContain('eu-central-1: image ami-1 has content dddddddddddd');
    expect(world.applied).toEqual([]);
    expect(await session.journal.list()).toEqual([]);
  });

  it('is refused where a region’s bundle is not what its image names', async () => {
    const bundle = (region: string) => `s3://${region}/shop.tar.gz`;
    images((region) => ({ tags: { 'bascule:bundle': bundle(region), 'bascule:sha256': 'a'.repeat(64) } }));
    world.bundleReadings.set(bundle(PARIS), { kind: 'found', sha256: 'a'.repeat(64) });
    const missing = await refusal(deploy(session, { version: '2.0.0', force: false }));
    expect(missing.details).toEqual(['eu-central-1: its bundle s3://eu-central-1/shop.tar.gz is not there']);
    world.bundleReadings.set(bundle(FRANKFURT), { kind: 'found', sha256: 'f'.repeat(64) });
    const spoilt = await refusal(deploy(session, { version: '2.0.0', force: false }));
    expect(spoilt.message).toContain('has sum ffffffffffff instead of aaaaaaaaaaaa');
    world.bundleReadings.set(bundle(FRANKFURT), { kind: 'found', sha256: 'a'.repeat(64) });
    expect(await deploy(session, { version: '2.0.0', force: false })).toMatchObject({ outcome: 'succeeded' });
  });
});
