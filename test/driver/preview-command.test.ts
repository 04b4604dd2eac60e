/** What a preview gathers over ports, and what `deploy --plan` makes of it. */
import { describe, expect, it, vi } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { entryOf } from '../../automation/operations/history';
import { preview, type PreviewPlace, type PreviewRequest } from '../../automation/operations/preview';
import { parseEnvironment, type EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { DeploymentPolicy } from '../../src/domain/plan';
import { known, type PreflightReading } from '../../src/domain/preflight';
import type { GivenPlan } from '../../src/domain/preview/hash';
import type { Preview, StackPreview } from '../../src/domain/preview/preview';
import { planFile } from '../../src/domain/preview/plan-file';
import type { PlannedTest } from '../../src/domain/suite/gate';
import type { FleetTarget, PreflightQuestion, StackPreviews } from '../../src/ports';
import { environment, type Edit } from '../support/config';
import { emptyPlace } from '../support/deployments';
import { policy, refusal, sessionOf } from '../support/session';

const REGION = 'eu-west-3';

function configOf(edit?: Edit): EnvironmentConfig {
  const parsed = parseEnvironment('test', environment(edit));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

/** Stacks in memory: the service stack with these changes, and fleets that differ as the release does. */
class FakePreviews implements StackPreviews {
  serviceChanges: StackPreview['resources'] = [];
  fleetChanges: StackPreview['resources'] = [
    { operation: 'update', type: 'aws:autoscaling/group:Group', name: 'fleet', properties: [] },
  ];
  /** Called before each fleet; a test throws here. */
  beforeFleet: (target: FleetTarget) => void = () => undefined;
  asked: FleetTarget[] = [];

  outputs() {
    return Promise.resolve(undefined);
  }

  async service(): Promise<StackPreview> {
    const place = { stack: 'test', kind: 'service', region: null, applied: 'by-up' } as const;
    return { ...place, resources: this.serviceChanges, unchanged: this.serviceChanges.length === 0 ? 9 : 8 };
  }

  async fleet(target: FleetTarget): Promise<StackPreview> {
    this.beforeFleet(target);
    this.asked.push(target);
    const { region } = target;
    const stack = `test.${region}.${target.colour}`;
    return { stack, kind: 'fleet', region, applied: 'by-deploy', resources: this.fleetChanges, unchanged: 1 };
  }
}

function setting(change: Partial<DeploymentPolicy> = {}, regions = [REGION]) {
  const { world, journal, leases } = emptyPlace(regions);
  const session = sessionOf(world, journal, leases, change);
  const stacks = new FakePreviews();
  const config = configOf((input) => (input['regions'] = regions));
  const place: PreviewPlace = {
    environment: 'test',
    config,
    images: world.images,
    stacks,
    session: () => Promise.resolve(session),
  };
  const request = (given: Partial<PreviewRequest>): PreviewRequest => ({
    version: '2.0.0',
    strategy: session.policy.strategy,
    force: false,
    overrideFreeze: [],
    ...given,
  });
  const look = (given: Partial<PreviewRequest> = {}): Promise<Preview> => preview(place, request(given));
  const deployed = (given: GivenPlan, version = '2.0.0', overrideFreeze: string[] = []) =>
    deploy(session, { version, force: false, overrideFreeze, approved: { given, config, previews: stacks } });
  return { world, journal, leases, session, stacks, config, place, look, deployed };
}

function reasons({ verdict }: Preview): string[] {
  return verdict.kind === 'refused' ? verdict.reasons.map(({ code }) => code) : [verdict.kind];
}

function warned({ warnings }: Preview): string[] {
  return warnings.map(({ code }) => code);
}

/** What a preview must leave as it was. */
async function traces({ world, journal, leases, session }: ReturnType<typeof setting>) {
  const events = await session.log.read();
  const ids = await journal.list();
  const lease = await leases.read();
  const writes = [...world.regions.values()].flatMap((region) => region.writes);
  return JSON.stringify([events, ids, lease, writes, world.applied]);
}

describe('a preview', () => {
  it('of a new version shows plan, steps, way back, images and stacks, and writes nothing', async () => {
    const one = setting({}, [REGION, 'eu-west-1']);
    for (const region of [REGION, 'eu-west-1']) one.world.runs('blue', '1.0.0', 3, region);
    const before = await traces(one);
    const found = await one.look();
    expect(found).toMatchObject({ version: '2.0.0', formerVersion: '1.0.0', verdict: { kind: 'changes' } });
    expect(found.hash).toMatch(/^plan-[0-9a-f]{32}-[0-9a-f]{28}$/);
    expect(found.images).toEqual(
      [REGION, 'eu-west-1'].map((region) => ({ region, found: { id: 'ami-1', state: 'available' } })),
    );
    expect(found.stacks.map(({ stack }) => stack)).toEqual([
      'test',
      `test.${REGION}.green`,
      'test.eu-west-1.green',
    ]);
    expect(one.stacks.asked[0]).toEqual({
      region: REGION,
      colour: 'green',
      version: '2.0.0',
      capacity: { minimum: 3, maximum: 4, desired: 3 },
    });
    expect(found.steps.map(({ id }) => id)).toEqual(found.plan?.steps.map(({ id }) => id));
    expect(found.wayBack.map(({ toVersion }) => toVersion)).toEqual(['1.0.0', '1.0.0']);
    expect(found.warnings).toEqual([]);
    expect(await traces(one)).toBe(before);
    expect((await one.look()).hash).toBe(found.hash);
  });

  it('refuses a release that is not the same in every region', async () => {
    const one = setting({}, [REGION, 'eu-west-1']);
    for (const region of [REGION, 'eu-west-1']) one.world.runs('blue', '1.0.0', 3, region);
    const find = one.world.images.find.bind(one.world.images);
    one.world.images.find = async (region, service, version) => {
      const image = await find(region, service, version);
      return image && { ...image, tags: { ...image.tags, 'bascule:content': region } };
    };
    expect(reasons(await one.look())).toEqual(['BASCULE_RELEASE_SET_BROKEN']);
  });

  it('shows the tests that are gates; a changed one is another plan, and one that cannot be read refuses it', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    // Needed to run them, not to look.
    one.world.testLacks = ['SHOP_PASSWORD'];
    const tests = (seconds: number): PlannedTest[] => [
      {
        name: 'login',
        when: ['idle', 'live'],
        work: { kind: 'command', command: ['npm', 'test'] },
        timeoutSeconds: seconds,
      },
    ];
    one.session.tests = () => Promise.resolve(tests(60));
    const found = await one.look();
    expect(found.steps.flatMap(({ kind, text }) => (kind === 'test' ? [text] : []))).toEqual([
      'test login of 2.0.0 through the test listener (npm test)',
      'test login of 2.0.0 in production (npm test)',
    ]);
    expect(reasons(found)).toEqual(['changes']);
    one.session.tests = () => Promise.resolve(tests(90));
    expect((await one.look()).hash).not.toBe(found.hash);
    const facts = { code: 'BASCULE_SUITE_INVALID', message: 'wrong', next: 'mend it' };
    one.session.tests = () => Promise.reject(new BasculeError(facts));
    expect(reasons(await one.look())).toEqual(['BASCULE_SUITE_INVALID']);
  });

  it('shows migrations among the steps, and what they make of the way back', async () => {
    const hook = { command: ['migrate'], on: 'local' as const, timeoutSeconds: 9, repeatable: true };
    const one = setting({ migrate: { expand: hook, contract: hook } });
    one.world.runs('blue', '1.0.0');
    const undeclared = await one.look();
    expect(undeclared.steps.filter(({ kind }) => kind === 'migrate').map(({ text }) => text)).toEqual([
      'expand the database for 2.0.0, from here',
      'contract the database for 2.0.0, from here',
    ]);
    expect(warned(undeclared)).toEqual(['schema']);
    expect(undeclared.wayBack[0]?.text).toContain(
      'once the database is contracted, `bascule rollback` to 1.0.0 is refused',
    );
    one.world.schemas.set('1.0.0', '1-3').set('2.0.0', '3-4');
    const declared = await one.look();
    expect(declared.plan?.schema).toEqual({ from: 3, to: 4 });
    expect(warned(declared)).toEqual([]);
    expect(declared.wayBack[0]?.text).not.toContain('contracted');
    expect(declared.hash).not.toBe(undeclared.hash);
    await one.deployed({ hash: declared.hash ?? '', sections: declared.sections });
    // What `deploy` would refuse, in its words.
    one.world.schemas.set('0.9.0', '1-2');
    const past = await one.look({ version: '0.9.0' });
    expect(reasons(past)).toEqual(['BASCULE_SCHEMA_MISMATCH']);
    const error = await refusal(deploy(one.session, { version: '0.9.0', force: false }));
    expect(past.verdict).toMatchObject({ reasons: [{ message: error.message, next: error.next }] });
  });

  it('of a first release has nothing to go back to', async () => {
    const one = setting();
    const found = await one.look();
    expect(found).toMatchObject({ formerVersion: null, verdict: { kind: 'changes' } });
    expect(found.wayBack).toMatchObject([{ toVersion: null }]);
    expect(found.hash).not.toBeNull();
  });

  it('of an environment that is not up shows the service stack, and that it has to be made first', async () => {
    const one = setting();
    one.stacks.serviceChanges = [
      { operation: 'create', type: 'aws:lb/loadBalancer:LoadBalancer', name: 'lb', properties: [] },
    ];
    const found = await preview(
      { ...one.place, session: () => Promise.resolve(undefined) },
      { version: 'missing', strategy: { kind: 'all-at-once' }, force: false, overrideFreeze: [] },
    );
    expect(reasons(found)).toEqual(['BASCULE_NOT_UP', 'BASCULE_IMAGE_MISSING']);
    expect(found.stacks).toHaveLength(1);
    expect(found).toMatchObject({ hash: null, plan: null, steps: [] });
  });

  it('of the version that is live says that there is nothing to do, unless a stack differs', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0', 3);
    one.stacks.fleetChanges = [];
    const live = await one.look({ version: '1.0.0' });
    expect(live.verdict).toEqual({
      kind: 'nothing-to-do',
      message: 'test runs 1.0.0 already, and no stack differs.',
    });
    expect(live).toMatchObject({ hash: null, steps: [], plan: null });
    expect(one.stacks.asked).toEqual([
      { region: REGION, colour: 'blue', version: '1.0.0', capacity: { minimum: 1, maximum: 4, desired: 3 } },
    ]);
    one.stacks.serviceChanges = [
      {
        operation: 'update',
        type: 'aws:lb/listener:Listener',
        name: 'production',
        properties: [{ path: 'sslPolicy', before: 'a', after: 'b' }],
      },
    ];
    const differing = await one.look({ version: '1.0.0' });
    expect(differing.verdict.kind).toBe('stacks-differ');
    expect(JSON.stringify(differing.verdict)).toContain('`bascule up test` would change 1 resource(s)');
    expect(warned(differing)).toEqual(['live-change', 'service-stack']);
    const forced = await one.look({ version: '1.0.0', force: true });
    expect(forced).toMatchObject({ verdict: { kind: 'changes' }, formerVersion: '1.0.0' });
  });

  it('of a missing image still shows the rest, without a plan that could be approved', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    const found = await one.look({ version: 'missing' });
    expect(reasons(found)).toEqual(['BASCULE_IMAGE_MISSING']);
    expect(found.images).toEqual([{ region: REGION, found: null }]);
    expect(found.steps.length).toBeGreaterThan(5);
    expect(found.hash).toBeNull();
    expect(one.stacks.asked).toEqual([]);
  });

  it('names a freeze in force, goes past one that is named, and keeps the hash', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    const free = await one.look();
    const until = one.world.clock.now() + 3_600_000;
    const by = one.session.holder;
    await one.session.log.append({
      kind: 'frozen',
      by,
      name: 'quarter',
      reason: 'the books are closed',
      until,
    });
    const frozen = await one.look();
    expect(reasons(frozen)).toEqual(['BASCULE_FROZEN']);
    expect(JSON.stringify(frozen.verdict)).toContain('quarter');
    expect(frozen.hash).toBe(free.hash);
    const past = await one.look({ overrideFreeze: ['quarter'] });
    expect(reasons(past)).toEqual(['changes']);
    expect(warned(past)).toEqual(['freeze']);
  });

  it('says who holds the environment, and which deployment was interrupted', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    one.world.beforeApply = () => {
      throw new BasculeError({ code: 'BASCULE_AWS_DENIED', message: 'no.', next: 'Nothing.' });
    };
    const append = one.journal.append.bind(one.journal);
    one.journal.append = async (record) => {
      if (record.sequence > 1) throw new Error('the bucket is gone');
      return append(record);
    };
    await expect(deploy(one.session, { version: '2.0.0', force: false })).rejects.toThrow('was interrupted');
    expect(reasons(await one.look())).toEqual(['BASCULE_INTERRUPTED']);
    await one.leases.acquire('20260101-000000-aaaa', { host: 'ci', pid: 7, user: 'robot', job: null });
    const held = await one.look();
    expect(reasons(held)).toEqual(['BASCULE_HELD']);
    expect(JSON.stringify(held.verdict)).toContain('robot on ci');
  });

  it('says when no single colour is live', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    one.world.at().setWeights('rule-1', { blue: 50, green: 50 });
    const found = await one.look();
    expect(reasons(found)).toEqual(['BASCULE_TRAFFIC_SHARED']);
    expect(found).toMatchObject({ plan: null, hash: null, formerVersion: '1.0.0' });
    expect(found.stacks.map(({ stack }) => stack)).toEqual(['test']);
  });

  it('warns of what is not as the last deployment left it', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    await deploy(one.session, { version: '2.0.0', force: false });
    expect((await one.look({ version: '3.0.0' })).warnings).toEqual([]);
    one.world.at().byHand('green', { minimum: 3 });
    one.world.at().setWeights('rule-0', { blue: 0, green: 50 });
    const found = await one.look({ version: '3.0.0' });
    expect(warned(found)).toEqual(['drift', 'drift']);
    expect(found.warnings.map(({ message }) => message).join('\n')).toMatch(
      /rule rule-0 .*expected blue 0, green 100; found blue 0, green 50[^]*green fleet, minimum .*expected 1; found 3/,
    );
  });

  it('takes a rule that was made since, and sends its requests where all go, for no drift', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    await deploy(one.session, { version: '2.0.0', force: false });
    const region = one.world.at();
    const [some] = region.routeList.filter((route) => route.listener === 'production');
    region.routeList.push({ ...some!, id: 'new', label: 'rule new' });
    expect((await one.look({ version: '3.0.0' })).warnings).toEqual([]);
  });

  it('expects what the last deployments took', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    await deploy(one.session, { version: '2.0.0', force: false });
    // Another colour, the same steps.
    const soak = (await one.look({ version: '3.0.0' })).steps.find(({ kind }) => kind === 'soak');
    expect(soak).toMatchObject({ wait: { seconds: 10, byHand: false }, expectedSeconds: 10 });
  });

  it('reads the last journal whole, and of the ones before it no more than their ends', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    for (const version of ['2.0.0', '3.0.0', '4.0.0']) await deploy(one.session, { version, force: false });
    const read = vi.spyOn(one.session.journal, 'read');
    const found = await one.look({ version: '5.0.0' });
    expect(found.steps.find(({ kind }) => kind === 'soak')).toMatchObject({ expectedSeconds: 10 });
    const last = (await one.session.journal.list()).at(-1);
    expect(new Set(read.mock.calls.map(([id]) => id))).toEqual(new Set([last]));
  });

  it('refuses for a lack of room, asking nothing that needs the right to change something', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0', 3);
    const asked: PreflightQuestion[] = [];
    one.session.preflight = {
      read: (question): Promise<PreflightReading> => {
        asked.push(question);
        return Promise.resolve({
          region: question.region,
          vcpus: [{ instanceType: 't3.small', room: { kind: 'unknown', why: 'no answer' } }],
          subnets: known([{ id: 'subnet-a', zone: 'a', free: 2 }]),
          targets: known({ perGroup: null, perLoadBalancer: null }),
          launch: null,
          alarms: known([]),
        });
      },
    };
    const found = await one.look();
    expect(reasons(found)).toEqual(['BASCULE_NO_ADDRESSES']);
    expect(found.warnings).toEqual([
      { code: 'preflight', message: `${REGION}: the vCPU quota of t3.small is not known: no answer` },
    ]);
    expect(asked).toMatchObject([{ readOnly: true }]);
  });

  it('is refused, and has no hash, where the engine cannot say what becomes of a fleet', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    one.stacks.beforeFleet = () => {
      throw new BasculeError({ code: 'BASCULE_STACK_FAILED', message: 'no subnet.', next: 'Mend it.' });
    };
    const found = await one.look();
    expect(reasons(found)).toEqual(['BASCULE_STACK_FAILED']);
    expect(found).toMatchObject({ hash: null, sections: null });
    expect(found.steps.length).toBeGreaterThan(5);
  });
});

describe('deploy --plan', () => {
  it('runs what was previewed, and puts its hash into the journal', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    const { hash } = await one.look();
    const result = await one.deployed({ hash: hash ?? '', sections: null });
    expect(result).toMatchObject({ kind: 'deployed', outcome: 'succeeded' });
    const [id = ''] = await one.journal.list();
    expect((await one.journal.read(id))[0]).toMatchObject({ kind: 'opened', planHash: hash });
    expect(entryOf(await one.journal.read(id)).notes[0]).toContain(`given as ${hash}`);
  });

  it('refuses what changed since, naming it, before anything is touched and with the lease given back', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0', 3);
    const found = await one.look();
    const file = planFile('plan.json', JSON.stringify(found));
    one.world.at().scale('blue', 4);
    const byFile = await refusal(one.deployed(file));
    expect(byFile).toMatchObject({ code: 'BASCULE_PLAN_CHANGED', exitCode: 2 });
    expect(byFile.message).toContain('what changed since: fleets, steps');
    expect(byFile.details).toContain('fleets.eu-west-3.blue.desired: 3 → 4');
    const byHash = await refusal(one.deployed({ hash: found.hash ?? '', sections: null }));
    expect(byHash.details[0]).toBe('fleets: what is there of the fleets');
    expect(await one.journal.list()).toEqual([]);
    expect(one.world.applied).toEqual([]);
    expect((await one.leases.read())?.released).toBe(true);
    one.world.at().scale('blue', 3);
    expect(await one.deployed(file)).toMatchObject({ kind: 'deployed' });
  });

  it('refuses when the release went live meanwhile, another version is given, or a stack would change otherwise', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    const given = planFile('plan.json', JSON.stringify(await one.look()));
    const other = await refusal(one.deployed(given, '3.0.0'));
    expect(other.details).toContain('version.version: 2.0.0 → 3.0.0');
    one.stacks.fleetChanges = [];
    expect((await refusal(one.deployed(given))).message).toContain('what changed since: stacks.');
    await deploy(one.session, { version: '2.0.0', force: false });
    const late = await refusal(one.deployed(given));
    expect(late.details).toContain('version.formerVersion: 1.0.0 → 2.0.0');
  });

  it('deploys a live version again when that was the plan', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    const { hash } = await one.look({ version: '1.0.0', force: true });
    expect(await one.deployed({ hash: hash ?? '', sections: null }, '1.0.0')).toMatchObject({
      kind: 'deployed',
    });
  });

  it('with another strategy is another plan', async () => {
    const one = setting();
    one.world.runs('blue', '1.0.0');
    const canary = { kind: 'canary', steps: [{ percent: 5, pauseSeconds: 1, byHand: false }] } as const;
    const { hash, strategyOptions } = await one.look({ strategy: { ...canary, steps: [...canary.steps] } });
    expect(strategyOptions?.join(' ')).toBe('--strategy canary --weights 5 --pause 1');
    expect(await one.look()).not.toHaveProperty('strategyOptions');
    const error = await refusal(one.deployed({ hash: hash ?? '', sections: null }));
    expect(error.message).toContain('what changed since: config, steps');
    expect(policy.strategy.kind).toBe('all-at-once');
  });
});
