import { describe, expect, it } from 'vitest';
import { protectionRefusals, resourceChanges, type EngineStep } from '../../src/domain/preview/resource-diff';

const SECRET = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'v1:x' };
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const GROUP = 'aws:autoscaling/group:Group';
const urn = (type: string, name: string): string =>
  `urn:pulumi:shop::bascule::pulumi:pulumi:Stack$${type}::${name}`;

function step(op: string, more: Partial<EngineStep> = {}, name = 'fleet', type = GROUP): EngineStep {
  const gone = op.startsWith('delete');
  return {
    ...more,
    op,
    type,
    urn: urn(type, name),
    old: { custom: true, ...more.old },
    new: gone ? undefined : { custom: true, ...more.new },
  };
}

function only(steps: readonly EngineStep[]) {
  const { resources } = resourceChanges(steps);
  expect(resources).toHaveLength(1);
  return resources[0];
}

describe('what the engine would do', () => {
  it('leaves out what does not change, and counts it', () => {
    expect(resourceChanges([step('same'), step('same', {}, 'other'), step('read', {}, 'image')])).toEqual({
      resources: [],
      unchanged: 2,
    });
  });

  it('leaves out the resources of the engine itself', () => {
    const own = ['pulumi:pulumi:Stack', 'pulumi:providers:aws', 'pulumi:pulumi:StackReference'];
    const steps = own.flatMap((type) => [step('create', {}, 'x', type), step('same', {}, 'y', type)]);
    expect(resourceChanges(steps)).toEqual({ resources: [], unchanged: 0 });
  });

  it('shows a new resource with what it is asked to be', () => {
    const inputs = {
      name: 'shop',
      __defaults: ['minSize'],
      template: UNKNOWN,
      tags: [{ value: 'b', key: 'a' }],
    };
    expect(only([step('create', { new: { inputs } })])).toEqual({
      operation: 'create',
      type: GROUP,
      name: 'fleet',
      properties: [
        { path: 'name', after: 'shop' },
        { path: 'tags', after: [{ key: 'a', value: 'b' }] },
        { path: 'template', after: '[computed]' },
      ],
    });
  });

  it('shows what a change would make of each property, by the details of the provider', () => {
    const change = only([
      step('update', {
        old: {
          inputs: { minSize: 1 },
          outputs: { minSize: 2, launchTemplate: { version: '1' }, zones: ['a', 'b'], tags: { 'a.b': 'x' } },
        },
        new: { inputs: { minSize: 3, launchTemplate: { version: UNKNOWN }, zones: ['a'], label: 'new' } },
        detailedDiff: {
          'zones[1]': { diffKind: 'delete' },
          'tags["a.b"]': { diffKind: 'delete' },
          minSize: { diffKind: 'update' },
          'launchTemplate.version': { diffKind: 'update' },
          label: { diffKind: 'add' },
          '__defaults[0]': { diffKind: 'add' },
        },
      }),
    ]);
    expect(change?.properties).toEqual([
      { path: 'label', after: 'new' },
      { path: 'launchTemplate.version', before: '1', after: '[computed]' },
      { path: 'minSize', before: 2, after: 3 },
      { path: 'tags["a.b"]', before: 'x' },
      { path: 'zones[1]', before: 'b' },
    ]);
  });

  it('takes the old value from what was asked for where the provider compared that', () => {
    const change = only([
      step('update', {
        old: { inputs: { minSize: 1 }, outputs: { minSize: 2 } },
        new: { inputs: { minSize: 3 } },
        detailedDiff: { minSize: { diffKind: 'update', inputDiff: true } },
      }),
    ]);
    expect(change?.properties).toEqual([{ path: 'minSize', before: 1, after: 3 }]);
  });

  it('compares by itself where the provider gives no details', () => {
    const change = only([
      step('update', {
        old: { inputs: { size: 1, name: 'shop', gone: true, rules: [{ to: 1, from: 2 }] } },
        new: { inputs: { size: 2, name: 'shop', rules: [{ from: 2, to: 1 }] } },
        diffs: ['size'],
        detailedDiff: null,
      }),
    ]);
    expect(change?.properties).toEqual([
      { path: 'gone', before: true },
      { path: 'size', before: 1, after: 2 },
    ]);
  });

  it('shows a replacement once, with what forces it', () => {
    const metadata = {
      old: { outputs: { internal: false, name: 'shop' } },
      new: { inputs: { internal: true, name: 'shop-2' } },
      keys: ['internal'],
      detailedDiff: { internal: { diffKind: 'update-replace' }, name: { diffKind: 'update' } },
    };
    const steps = ['create-replacement', 'replace', 'delete-replaced'].map((op) => step(op, metadata));
    expect(only(steps)).toMatchObject({
      operation: 'replace',
      properties: [
        { path: 'internal', before: false, after: true, replaces: true },
        { path: 'name', before: 'shop', after: 'shop-2' },
      ],
    });
    expect(only([...steps].reverse())).toEqual(only(steps));
  });

  it('names what forces a replacement also where the provider gives no details', () => {
    const change = only([
      step('replace', { old: { inputs: { name: 'a' } }, new: { inputs: { name: 'b' } }, keys: ['name'] }),
    ]);
    expect(change?.properties).toEqual([{ path: 'name', before: 'a', after: 'b', replaces: true }]);
  });

  it('shows what is removed, also what an earlier replacement has left', () => {
    const { resources } = resourceChanges([
      step('delete', { old: { inputs: { name: 'shop' } } }),
      step('delete-replaced', {}, 'left'),
    ]);
    expect(resources).toEqual([
      { operation: 'delete', type: GROUP, name: 'fleet', properties: [] },
      { operation: 'delete', type: GROUP, name: 'left', properties: [] },
    ]);
  });

  it.each([
    ['on both sides', SECRET, SECRET],
    ['that was none before', 'open', SECRET],
    ['that is none any more', SECRET, 'open'],
    ['within a value', { key: 'open' }, { key: SECRET }],
    ['within a list', ['open'], [SECRET]],
  ])('hides a secret %s', (_, before, after) => {
    const shown = JSON.stringify([
      only([
        step('update', {
          old: { outputs: { word: before } },
          new: { inputs: { word: after } },
          detailedDiff: { word: { diffKind: 'update' } },
        }),
      ]),
      only([
        step('update', {
          old: { inputs: { word: before } },
          new: { inputs: { word: after } },
          diffs: ['word'],
        }),
      ]),
    ]);
    expect(shown).not.toMatch(/open|v1:x/);
    expect(shown.match(/\[secret\]/g)).toHaveLength(4);
  });

  it('hides what is within a secret', () => {
    const change = only([
      step('update', {
        old: { outputs: { words: { first: 'open' } } },
        new: { inputs: { words: SECRET } },
        detailedDiff: { 'words.first': { diffKind: 'update' } },
      }),
    ]);
    expect(change?.properties).toEqual([{ path: 'words.first', before: '[secret]', after: '[secret]' }]);
  });

  it('says of a text with something unknown in it that it is not known yet', () => {
    const inputs = {
      policy: `{"Resource":"${UNKNOWN}/*"}`,
      id: { '4dabf18193072939515e22adb298388d': 'c44067f5952c0a294b673a41bacd8c17' },
    };
    expect(only([step('create', { new: { inputs } })])?.properties).toEqual([
      { path: 'id', after: '[file]' },
      { path: 'policy', after: '[computed]' },
    ]);
  });

  it('gives the same whatever order the engine worked in', () => {
    const steps = [
      step('create', { new: { inputs: {} } }, 'b'),
      step('update', {}, 'a'),
      step('delete', {}, 'c', 'aws:ec2/launchTemplate:LaunchTemplate'),
    ];
    const names = resourceChanges(steps).resources.map(({ name }) => name);
    expect(names).toEqual(['a', 'b', 'c']);
    expect(resourceChanges([...steps].reverse())).toEqual(resourceChanges(steps));
  });

  it('leaves out components, which exist in the state alone', () => {
    const steps: EngineStep[] = ['create', 'same', 'delete'].map((op) => ({
      op,
      type: 'awsx:ec2:Vpc',
      urn: urn('awsx:ec2:Vpc', op),
      ...(op === 'delete' ? { old: {} } : { new: {} }),
    }));
    expect(resourceChanges(steps)).toEqual({ resources: [], unchanged: 0 });
  });
});

describe('what changes within a value', () => {
  const changes = (before: unknown, after: unknown, name = 'it') =>
    only([
      step('update', {
        old: { outputs: { [name]: before } },
        new: { inputs: { [name]: after } },
        detailedDiff: { [name]: { diffKind: 'update' } },
      }),
    ])?.properties;

  it('finds a tag by its key, whatever the order', () => {
    const tag = (key: string, value: string) => ({ key, value });
    expect(changes([tag('a', '1'), tag('b', '2')], [tag('b', '3'), tag('a', '1')])).toEqual([
      { path: 'it["b"].value', before: '2', after: '3' },
    ]);
  });

  it('shows a list as a whole where its length changes, or its keys do', () => {
    expect(changes([1, 2], [1])).toEqual([{ path: 'it', before: [1, 2], after: [1] }]);
    const [a, b] = [{ key: 'a' }, { key: 'b' }];
    expect(changes([a], [a, b])).toEqual([{ path: 'it', before: [a], after: [a, b] }]);
  });

  it('shows what the provider counts as changed also where both read the same', () => {
    expect(changes('same', 'same')).toEqual([{ path: 'it', before: 'same', after: 'same' }]);
  });

  it('reads user data, and shows of it the lines that differ', () => {
    const data = (...lines: string[]) => Buffer.from(lines.join('\n')).toString('base64');
    expect(
      changes(data('#!/bin/sh', 'A=1', 'end'), data('#!/bin/sh', 'A=2', 'B=1', 'end'), 'userData'),
    ).toEqual([{ path: 'userData', before: '…\nA=1\n…', after: '…\nA=2\nB=1\n…' }]);
    expect(changes('not base64!', '[computed]', 'userData')).toEqual([
      { path: 'userData', before: 'not base64!', after: '[computed]' },
    ]);
    expect(changes(data('a', 'b'), data('a', 'b', 'b'), 'userData')).toEqual([
      { path: 'userData', before: '…', after: '…\nb' },
    ]);
  });

  it('marks every part of what forces a replacement', () => {
    const change = only([
      step('replace', {
        old: { outputs: { a: [{ x: 1, y: 1, z: 1 }] } },
        new: { inputs: { a: [{ x: 2, y: 2, z: 1 }] } },
        detailedDiff: { a: { diffKind: 'update-replace' } },
      }),
    ]);
    expect(change?.properties).toEqual([
      { path: 'a[0].x', before: 1, after: 2, replaces: true },
      { path: 'a[0].y', before: 1, after: 2, replaces: true },
    ]);
  });
});

describe('what the engine would refuse', () => {
  const refused = (one: EngineStep, isProtected = true) => protectionRefusals([one], () => isProtected);

  it('is to delete what is protected, and to replace what stays so', () => {
    expect(refused(step('delete'))).toEqual([expect.stringContaining(`${GROUP} fleet is protected`)]);
    expect(refused(step('replace', { new: { protect: true } }))).toHaveLength(1);
  });

  it('is neither to change it, nor to replace what loses its protection, nor to delete what has none', () => {
    expect(refused(step('update', { new: { protect: true } }))).toEqual([]);
    expect(refused(step('replace', { new: { protect: false } }))).toEqual([]);
    expect(refused(step('delete'), false)).toEqual([]);
  });
});
