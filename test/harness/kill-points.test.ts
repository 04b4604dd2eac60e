/** What the kill test strikes, and what it would notice: a harness that sees nothing proves nothing. */
import { describe, expect, test } from 'vitest';
import type { JournalRecord, RecordBody } from '../../src/domain/records';
import { recognise } from '../support/aws-proxy-calls';
import {
  pointName,
  pointsOf,
  representative,
  shardOf,
  spread,
  wayOnOf,
  WriteNames,
  type Write,
} from '../support/kill-points';
import { flawsOf } from '../support/kill-story';
import { differences, mixed } from '../support/kill-world';

const write = (label: string, more: Partial<Write> = {}): Write => ({
  label,
  occurrence: 1,
  engine: false,
  plugin: false,
  ...more,
});

const put = (key: string, body: unknown) =>
  recognise(0, {
    method: 'PUT',
    path: `/bucket/${key}`,
    headers: { authorization: 'AWS4-HMAC-SHA256 Credential=K/20260101/eu-west-3/s3/aws4_request' },
    body: JSON.stringify(body),
  });

describe('the names of writes', () => {
  test('are the same in a run that begins with the other colour, and count what comes again', () => {
    const blue = new WriteNames('blue');
    const green = new WriteNames('green');
    const key = (colour: string) => `.pulumi/stacks/bascule/e2e.eu-west-3.${colour}.json`;
    expect(blue.next(put(key('green'), {}))).toEqual(green.next(put(key('blue'), {})));
    expect(blue.next(put(key('green'), {}))).toMatchObject({ occurrence: 2 });
  });

  test('tell records of the journal and heartbeats apart by what is in them', () => {
    const names = new WriteNames('blue');
    const record = { kind: 'started', step: 'shift:eu-west-3' };
    const journal = put('environments/e2e/deployments/20260101-101010-abcd/000004.json', record);
    expect(names.next(journal).label).toBe('journal started shift');
    const lease = (fence: number, released: boolean) =>
      names.next(put('environments/e2e/lease.json', { fence, released })).label;
    expect([lease(3, false), lease(3, false), lease(3, true)]).toEqual([
      'lease acquire',
      'lease renewal',
      'lease release',
    ]);
  });
});

describe('the points', () => {
  test('are before and after each write, with each set of processes that can die at that time', () => {
    const writes = [
      write('journal opened'),
      write('s3:PutObject .pulumi/stacks/x.json', { engine: true }),
      write('ec2:CreateLaunchTemplate x', { engine: true, plugin: true }),
    ];
    const names = pointsOf(writes).map(pointName);
    expect(names).toHaveLength(2 + 4 + 6);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('journal opened#1:before:driver');
    expect(names).toContain('ec2:CreateLaunchTemplate x#1:after:machine');
    expect(pointsOf([write('lease renewal')])).toEqual([]);
  });

  test('of the part that stands for all are one of each kind, with every moment and victim among them', () => {
    const engine = (label: string) => write(label, { engine: true });
    const kinds = ['ModifyRule', 'ModifyListener', 'CreateGroup', 'UpdateGroup', 'DeleteGroup', 'CreateTags'];
    const writes = kinds.flatMap((kind) => [engine(`ec2:${kind} one`), engine(`ec2:${kind} two`)]);
    const covered = new Set<string>();
    const points = representative(writes, covered);
    expect(points.map(({ label }) => label)).toEqual(kinds.map((kind) => `ec2:${kind} two`));
    expect(new Set(points.map(({ moment, victim }) => `${moment} ${victim}`)).size).toBe(4);
    expect(representative(writes, covered)).toEqual([]);
  });

  test('of a few from all over the run are of its beginning, its middle and its end, each of another kind', () => {
    const writes = Array.from({ length: 40 }, (_, index) => write(`s3:PutObject ${index}`, { engine: true }));
    const points = spread([...writes, write('lease renewal')], 4);
    expect(points.map(({ label }) => label)).toEqual([5, 15, 25, 35].map((index) => `s3:PutObject ${index}`));
    expect(new Set(points.map(({ moment, victim }) => `${moment} ${victim}`)).size).toBe(4);
  });

  test('are divided among the shards, each in one of them', () => {
    const all = pointsOf(Array.from({ length: 30 }, (_, index) => write(`s3:PutObject ${index}`)));
    const shards = ['1/3', '2/3', '3/3'].map((shard) => shardOf(all, shard));
    expect(shards.flat().map(pointName).sort()).toEqual(all.map(pointName).sort());
    for (const shard of shards) expect(shard.length).toBeGreaterThan(5);
    // A shard whose recording has more or fewer points takes the same ones of those that all have.
    expect(shardOf(all.slice(7), '2/3')).toEqual(shards[1]?.filter((point) => all.indexOf(point) >= 7));
    expect(() => shardOf(all, '4/3')).toThrow('no such shard');
  });

  test('go on by resume and by abort about as often', () => {
    const points = pointsOf(Array.from({ length: 100 }, (_, index) => write(`s3:PutObject ${index}`)));
    const resumed = points.filter((point) => wayOnOf(point) === 'resume').length;
    expect(resumed).toBeGreaterThan(70);
    expect(resumed).toBeLessThan(130);
  });
});

const holder = { host: 'h', pid: 1, user: 'u', job: null };
const plan = {
  purpose: 'deploy' as const,
  environment: 'e2e',
  service: 'shop',
  version: '2',
  formerVersion: '1',
  steps: [{ kind: 'smoke' as const, id: 'smoke:r', region: 'r', version: '2', requests: [] }],
};
const opened: RecordBody = { kind: 'opened', plan, holder };
const started: RecordBody = { kind: 'started', step: 'smoke:r' };
const ran: RecordBody = { kind: 'ran', step: 'smoke:r', facts: {} };
const verified: RecordBody = { kind: 'verified', step: 'smoke:r', facts: {} };
const resumed: RecordBody = { kind: 'resumed', holder };
const closed: RecordBody = { kind: 'closed', outcome: 'succeeded', message: '' };

/** The fence rises with each continuation unless told otherwise. */
function journal(bodies: RecordBody[], change: Partial<JournalRecord>[] = []): JournalRecord[] {
  let fence = 1;
  return bodies.map((body, sequence) => {
    if (body.kind === 'resumed') fence += 1;
    const record = { ...body, format: 1, deployment: 'd', sequence, at: sequence, fence };
    return { ...record, ...change[sequence] } as JournalRecord;
  });
}

describe('a journal that reads as one story', () => {
  const story = [opened, started, resumed, ran, verified, closed];

  test('has no flaws, also where it tells that the lease was taken from a dead holder', () => {
    expect(flawsOf(journal(story), 1)).toEqual([]);
    const unlocked: RecordBody = { kind: 'unlocked', holder, former: holder, why: 'gone' };
    const taken = [opened, started, unlocked, resumed, ran, verified, closed];
    expect(flawsOf(journal(taken, [{}, {}, { fence: 2 }]), 1)).toEqual([]);
  });

  test('has none where a continuation looks at a passed gate again, before it goes on with what was under way', () => {
    const region = 'r';
    const gate = {
      kind: 'health-gate' as const,
      id: 'gate:r',
      region,
      colour: 'green' as const,
      version: '2',
    };
    const numbers = { instances: 1, consecutive: 1, intervalSeconds: 1, timeoutSeconds: 1 };
    const route = { id: 'l', label: 'default action' };
    const shift = {
      kind: 'shift' as const,
      id: 'shift:r',
      region,
      from: [{ ...route, weights: { blue: 100, green: 0 } }],
      to: [{ ...route, weights: { blue: 0, green: 100 } }],
      towards: 'green' as const,
      timeoutSeconds: 1,
    };
    const steps = [{ ...gate, ...numbers }, ...plan.steps, shift];
    const through = (step: string): RecordBody[] => [
      { kind: 'started', step },
      { kind: 'ran', step, facts: {} },
      { kind: 'verified', step, facts: {} },
    ];
    const told = (again: RecordBody[]): RecordBody[] => [
      { kind: 'opened', plan: { ...plan, steps }, holder },
      ...through('gate:r'),
      started,
      ...again,
      ran,
      verified,
      ...through('shift:r'),
      closed,
    ];
    expect(flawsOf(journal(told([resumed, ...through('gate:r')])), 1)).toEqual([]);
    expect(flawsOf(journal(told([...through('gate:r'), resumed])), 1).join()).toContain(
      'gate:r starts twice',
    );
  });

  test.each([
    { what: 'no end', records: journal(story.slice(0, -1)), flaw: 'it has no end' },
    { what: 'two ends', records: journal([...story, resumed, closed]), flaw: 'it does not end once' },
    { what: 'a gap', records: journal(story).filter((_, index) => index !== 3), flaw: 'cannot be replayed' },
    {
      what: 'a step without an end',
      records: journal([opened, started, resumed, closed]),
      flaw: 'is left started',
    },
    {
      what: 'a step that starts twice',
      records: journal([opened, started, resumed, started, ran, verified, closed]),
      flaw: 'starts twice',
    },
    {
      what: 'a continuation that is not told',
      records: journal([opened, started, ran, verified, closed]),
      flaw: '0 of 1 continuation',
    },
    {
      what: 'a fence that does not rise',
      records: journal(story, [{}, {}, { fence: 1 }]),
      flaw: 'has no higher fence',
    },
    { what: 'a clock that goes back', records: journal(story, [{}, {}, {}, { at: 0 }]), flaw: 'is older' },
  ])('is not one with $what', ({ records, flaw }) => {
    expect(flawsOf(records, 1).join('\n')).toContain(flaw);
  });
});

test('worlds differ by what is missing and by what is left over, also when it is there twice', () => {
  const world = ['instance live to running (1)', 'lock free'];
  expect(differences(world, [...world])).toEqual([]);
  expect(
    differences(world, ['lock free', 'instance live to running (1)', 'instance live to running (2)']),
  ).toEqual(['left over: instance live to running (2)']);
  expect(differences(world, ['lock free'])).toEqual(['missing: instance live to running (1)']);
});

test('a region can be as in another world, while the others and what no region has stay', () => {
  const world = ['eu-west-3: idle to', 'eu-central-1: idle to', 'lease released: true'];
  const other = ['eu-west-3: idle from', 'eu-central-1: idle from', 'lease released: false'];
  expect(mixed(world, other, ['eu-central-1'])).toEqual(
    ['eu-west-3: idle to', 'eu-central-1: idle from', 'lease released: true'].sort(),
  );
});
