import { describe, expect, it } from 'vitest';
import { identityOf, isWhatWasPlanned } from '../../src/adapters/stack-search';
import { searchFor } from '../../src/adapters/stack-searches';
import {
  existsOutside,
  isUnfinished,
  mended,
  parseState,
  pendingOf,
  recordedIds,
  resourcesOf,
  resourceTitle,
  type PendingOperation,
  type StackState,
  type StateResource,
} from '../../src/adapters/stack-state';

const urn = (type: string, name: string) => `urn:pulumi:e2e.eu-west-3.green::bascule::${type}::${name}`;
const GROUP = 'aws:autoscaling/group:Group';
const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';

const template: StateResource = {
  urn: urn(TEMPLATE, 'fleet'),
  type: TEMPLATE,
  custom: true,
  id: 'lt-1',
  inputs: { name: 'shop' },
  outputs: { name: 'shop', latestVersion: 1 },
};
const group: StateResource = {
  urn: urn(GROUP, 'fleet'),
  type: GROUP,
  custom: true,
  inputs: { name: 'shop', tags: [{ key: 'service', value: 'shop' }] },
  provider: 'urn:…::aws::1',
  dependencies: [template.urn],
};

function state(resources: StateResource[], ...pending: PendingOperation[]): StackState {
  return {
    version: 3,
    deployment: { manifest: { time: 'now' }, resources, pending_operations: pending, metadata: {} },
  };
}

describe('mended', () => {
  const before = state([template], { type: 'creating', resource: group });

  it('drops what was under way and keeps all else', () => {
    const after = mended(before, []);
    expect(pendingOf(after)).toEqual([]);
    expect(after.deployment).toEqual({ manifest: { time: 'now' }, resources: [template], metadata: {} });
    expect(isUnfinished(after)).toBe(false);
  });

  it('finds nothing to mend in a stack that was made and never updated', () => {
    const made = parseState('{"version":3,"deployment":null}');
    expect(isUnfinished(made)).toBe(false);
    expect(resourcesOf(made)).toEqual([]);
  });

  it('adds what was adopted behind what it depends on, to be read as an import is', () => {
    const after = mended(before, [{ plan: group, id: 'shop@eu-west-3' }]);
    const adopted = { ...group, id: 'shop@eu-west-3', outputs: {} };
    expect(after.deployment.resources).toEqual([template, adopted]);
  });

  it('counts an adopted resource that was never read as unfinished, so that a kill between the two is mended', () => {
    expect(isUnfinished(mended(before, [{ plan: group, id: 'shop' }]))).toBe(true);
  });

  it('hands the resource that was to be replaced to the engine for removal', () => {
    const older = { ...group, id: 'shop-old', outputs: { name: 'shop-old' } };
    const after = mended(state([template, older]), [{ plan: group, id: 'shop-new' }]);
    expect(after.deployment.resources?.map(({ id, delete: goes }) => [id, goes])).toEqual([
      ['lt-1', undefined],
      ['shop-old', true],
      ['shop-new', undefined],
    ]);
  });
});

describe('what a create was to make', () => {
  const tags = {
    service: 'shop',
    environment: 'e2e',
    colour: 'green',
    Name: 'shop-e2e-green',
    version: '2.0.0',
  };
  const plan = { inputs: { tags } };
  const none = new Set<string>();

  it('is told by service, environment, colour and name, whatever the release was', () => {
    const found = { id: 'lt-2', tags: { ...tags, version: '1.0.0', owner: 'ada' } };
    expect(isWhatWasPlanned(found, plan, none)).toBe(true);
  });

  it.each(['service', 'environment', 'colour', 'Name'])('is not it with another %s', (key) => {
    expect(isWhatWasPlanned({ id: 'lt-2', tags: { ...tags, [key]: 'other' } }, plan, none)).toBe(false);
  });

  it('is not it when the stack has it already', () => {
    expect(isWhatWasPlanned({ id: 'lt-1', tags }, plan, recordedIds(state([template])))).toBe(false);
  });

  it('may have the id that the stack knows of a resource of another type', () => {
    const known = state([{ ...template, id: 'shop' }]);
    expect(isWhatWasPlanned({ id: 'shop', tags }, plan, recordedIds(known, TEMPLATE))).toBe(false);
    expect(isWhatWasPlanned({ id: 'shop', tags }, plan, recordedIds(known, GROUP))).toBe(true);
  });

  it('is never anything where the plan has no marks of ours', () => {
    expect(isWhatWasPlanned({ id: 'lt-2', tags }, { inputs: {} }, none)).toBe(false);
  });

  it('has its tags as a list on Auto Scaling groups', () => {
    const list = Object.entries(tags).map(([key, value]) => ({ key, value, propagateAtLaunch: true }));
    expect(identityOf({ tags: list })).toEqual(identityOf({ tags }));
  });
});

describe('searchFor', () => {
  it('assumes nothing of a type that the stacks do not have', () => {
    expect(searchFor('aws:rds/instance:Instance')).toBeUndefined();
  });

  it('is not asked of what exists in the state alone', () => {
    const provider = { urn: urn('pulumi:providers:aws', 'aws'), type: 'pulumi:providers:aws', custom: true };
    const component = { urn: urn('awsx:ec2:Vpc', 'network'), type: 'awsx:ec2:Vpc', custom: false };
    expect([provider, component, group].map(existsOutside)).toEqual([false, false, true]);
  });
});

it('names resources as people do', () => {
  expect(resourceTitle(urn(`awsx:ec2:Vpc$aws:ec2/vpc:Vpc`, 'network'))).toBe('aws:ec2/vpc:Vpc network');
});
