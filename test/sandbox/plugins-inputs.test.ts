/** What the tables say of inputs, without an engine: failures, names, differences, projections. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AwsPlugin } from '../../automation/sandbox/plugins/aws/plugin';
import type { CheckRequest, Resource } from '../../automation/sandbox/plugins/model/plugin';
import { projectInputs } from '../../automation/sandbox/plugins/model/project';
import { ARN, GROUP, LB, LISTENER, RULE, TARGETS, targets, WRONG } from './plugins-wrong-inputs';
import { UNKNOWN, type Props } from '../../automation/sandbox/plugins/rpc/values';

const plugin = new AwsPlugin();
plugin.configure({ region: 'eu-west-3' });
const tagging = new AwsPlugin();
tagging.configure({ region: 'eu-west-3', defaultTags: JSON.stringify({ tags: { team: 'shop' } }) });
function request(newInputs: Props, more: Partial<CheckRequest> = {}): CheckRequest {
  return { name: 'web', oldInputs: {}, newInputs, randomSeed: new Uint8Array(), ...more };
}

async function failures(token: string, inputs: Props): Promise<string[]> {
  const { failures: found } = await (await plugin.resource(token)).check(request(inputs));
  return found.map(({ property, reason }) => `${property}: ${reason}`);
}

const changes = async (
  token: string,
  oldInputs: Props,
  newInputs: Props,
  more: object = {},
  from = plugin,
) => {
  const resource: Resource = await from.resource(token);
  return resource.diff({ id: 'x', oldInputs, newInputs, oldOutputs: oldInputs, ignoreChanges: [], ...more });
};

describe('inputs', () => {
  it.each(WRONG)('refuses %s', async (_what, token, inputs, expected) => {
    const found = await failures(token, inputs);
    expect(found.filter((failure) => expected.test(failure))).toHaveLength(1);
  });

  it('finds nothing wrong with what is not known yet', async () => {
    const unknown = {
      minSize: UNKNOWN,
      maxSize: UNKNOWN,
      launchTemplate: UNKNOWN,
      vpcZoneIdentifiers: UNKNOWN,
    };
    expect(await failures(GROUP, unknown)).toEqual([]);
    expect(await failures(TARGETS, { ...targets, vpcId: UNKNOWN, healthCheck: { path: UNKNOWN } })).toEqual(
      [],
    );
    expect(await failures(LISTENER, { loadBalancerArn: UNKNOWN, port: 80, defaultActions: UNKNOWN })).toEqual(
      [],
    );
    expect(await failures(LB, { subnets: UNKNOWN, securityGroups: [UNKNOWN] })).toEqual([]);
  });

  it('refuses types and functions that the sandbox does not have, by name', async () => {
    await expect(plugin.resource('aws:rds/instance:Instance')).rejects.toThrow(
      /^the sandbox has no aws:rds\/instance:Instance; it covers: .*aws:lb\/listener:Listener/,
    );
    await expect(plugin.invoke('aws:rds/getInstance:getInstance', {})).rejects.toThrow(
      /^the sandbox has no function aws:rds\/getInstance:getInstance; it covers: /,
    );
  });
});

describe('names', () => {
  it('are the logical name with a suffix, kept afterwards, and repeatable from a seed', async () => {
    const group = await plugin.resource(TARGETS);
    const first = (await group.check(request(targets))).inputs;
    expect(first['name']).toMatch(/^web-[0-9a-f]{7}$/);
    expect((await group.check(request(targets, { oldInputs: first }))).inputs['name']).toBe(first['name']);
    const seeded = () => group.check(request(targets, { randomSeed: Uint8Array.of(1, 2, 3) }));
    expect((await seeded()).inputs['name']).toBe((await seeded()).inputs['name']);
  });

  it('stay within the limit', async () => {
    const { inputs } = await (
      await plugin.resource(TARGETS)
    ).check(request(targets, { name: 'a'.repeat(60) }));
    expect(String(inputs['name'])).toHaveLength(32);
  });
});

describe('differences', () => {
  it('replace what AWS cannot change, the old one first when its name is fixed', async () => {
    const named = await changes(TARGETS, { ...targets, name: 'web' }, { ...targets, name: 'web', port: 81 });
    expect(named).toEqual({
      changes: [{ path: 'port', kind: 'update', replace: true }],
      deleteBeforeReplace: true,
    });
    const automatic = { ...targets, name: 'web-1', __defaults: ['name'] };
    expect((await changes(TARGETS, automatic, { ...automatic, port: 81 })).deleteBeforeReplace).toBe(false);
  });

  it('are told to the single value, and not where values mean the same', async () => {
    const healthy = (healthCheck: Props) => ({ ...targets, healthCheck });
    const one = await changes(
      TARGETS,
      healthy({ path: '/', interval: 10 }),
      healthy({ path: '/', interval: '20' }),
    );
    expect(one.changes).toEqual([{ path: 'healthCheck.interval', kind: 'update', replace: false }]);
    const same = await changes(LB, { subnets: ['a', 'b'], idleTimeout: 60 }, { subnets: ['b', 'a'] });
    expect(same.changes.filter((change) => change.path.startsWith('subnets'))).toEqual([]);
  });

  it('leave out what the program ignores', async () => {
    const rule = (weight: number, priority: number) => ({
      priority,
      actions: [{ type: 'forward', forward: { targetGroups: [{ arn: ARN, weight }] } }],
    });
    const { changes: seen } = await changes(RULE, rule(1, 1), rule(2, 2), { ignoreChanges: ['actions'] });
    expect(seen.map((change) => change.path)).toEqual(['priority']);
    const deep = await changes(RULE, rule(1, 1), rule(2, 1), { ignoreChanges: ['actions[*].forward'] });
    expect(deep.changes).toEqual([]);
  });

  it('include the default tags of the provider', async () => {
    const old = { subnets: ['a', 'b'], tags: { a: '1' }, tagsAll: { a: '1' } };
    expect((await changes(LB, old, old, {}, tagging)).changes.map((change) => change.path)).toEqual([
      'tags.team',
    ]);
    const oldOutputs = { ...old, tagsAll: { a: '1', team: 'shop' } };
    expect((await changes(LB, old, old, { oldOutputs }, tagging)).changes).toEqual([]);
  });
});

describe('a refresh', () => {
  const table = {
    set: { type: 'set', items: { type: 'integer' } },
    text: { type: 'string' },
    part: { type: 'object', fields: { a: { type: 'integer' }, b: { type: 'integer' } } },
  } as const;

  it('keeps the program’s own spelling of what is as it was', () => {
    const given = fc.record(
      {
        set: fc.uniqueArray(fc.nat()),
        text: fc.string(),
        part: fc.record({ a: fc.nat() }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, fc.nat(), (inputs, other) => {
        const { set, part, ...rest } = inputs;
        const actual: Props = { ...rest, part: { a: 0, ...part, b: other } };
        if (set) actual['set'] = [...set].reverse();
        expect(projectInputs(table, inputs as Props, actual)).toEqual(inputs);
      }),
    );
  });

  it('shows what is not', () => {
    const given = { set: [1, 2], part: { a: 1 }, text: 'x' };
    expect(projectInputs(table, given, { set: [2, 3], part: { a: 2, b: 3 }, text: 'x' })).toEqual({
      set: [2, 3],
      part: { a: 2 },
      text: 'x',
    });
  });
});
