import { describe, expect, it } from 'vitest';
import { vcpuQuotaOf } from '../../src/adapters/vcpu-quotas';
import {
  assessPreflight,
  known,
  unknown,
  type PreflightNeed,
  type PreflightReading,
} from '../../src/domain/preflight';

const room = (over: object = {}) => known({ quota: 'L-1216C47A', limit: 12, running: 4, each: 2, ...over });

const plenty: PreflightReading = {
  region: 'eu-west-3',
  vcpus: [{ instanceType: 't3.small', room: room() }],
  subnets: known([
    { id: 'subnet-a', zone: 'eu-west-3a', free: 3 },
    { id: 'subnet-b', zone: 'eu-west-3b', free: 1 },
  ]),
  targets: known({ perGroup: 1000, perLoadBalancer: 1000 }),
  launch: known({ kind: 'allowed' }),
  alarms: known([{ name: 'orders', state: 'OK' }]),
};
const need: PreflightNeed = { instances: 4, present: 0, live: 2 };

const assess = (over: Partial<PreflightReading> = {}, needs: Partial<PreflightNeed> = {}) =>
  assessPreflight({ ...plenty, ...over }, { ...need, ...needs });
const codes = (over: Partial<PreflightReading>, needs: Partial<PreflightNeed> = {}) =>
  assess(over, needs).lacks.map(({ code }) => code);

describe('a preflight', () => {
  it('finds nothing where there is just enough of all', () => {
    const { lacks, notes, summary } = assess();
    expect({ lacks, notes }).toEqual({ lacks: [], notes: [] });
    expect(summary).toBe(
      'eu-west-3: 4 more instance(s); 4 of 12 vCPUs in use (L-1216C47A), 4 free address(es), launching is allowed',
    );
  });

  it('refuses one instance more than the vCPU quota has room for, with AWS’s numbers', () => {
    const { lacks } = assess({ vcpus: [{ instanceType: 't3.small', room: room({ limit: 11 }) }] });
    expect(lacks).toMatchObject([{ code: 'BASCULE_QUOTA_VCPU' }]);
    expect(lacks[0]?.message).toContain('4 more t3.small need 8 vCPUs; 4 of 11 are in use (L-1216C47A)');
  });

  it('does not ask for what the idle fleet has already', () => {
    const full = [{ instanceType: 't3.small', room: room({ limit: 6 }) }];
    expect(codes({ vcpus: full }, { present: 3 })).toEqual([]);
    expect(codes({ vcpus: full }, { present: 2 })).toEqual(['BASCULE_QUOTA_VCPU']);
    expect(codes({ subnets: known([]) }, { present: 4 })).toEqual([]);
  });

  it('only tells of a type without room while another one has some', () => {
    const small = { instanceType: 't3.small', room: room({ limit: 5 }) };
    const other = { instanceType: 'c5.large', room: room({ limit: 50 }) };
    const result = assess({ vcpus: [small, other] });
    expect(result.lacks).toEqual([]);
    expect(result.notes[0]).toMatch(/4 more t3.small need 8 vCPUs.*another type has room/);
    const unclear = { instanceType: 'mac1.metal', room: unknown<never>('no quota is known') };
    expect(codes({ vcpus: [small, unclear] })).toEqual([]);
    expect(codes({ vcpus: [small, { ...other, room: room({ limit: 4 }) }] })).toEqual(['BASCULE_QUOTA_VCPU']);
  });

  it('adds the addresses of all subnets up, and tells of one that has none', () => {
    const subnet = (id: string, free: number) => ({ id, zone: 'z', free });
    expect(codes({ subnets: known([subnet('a', 2), subnet('b', 1)]) })).toEqual(['BASCULE_NO_ADDRESSES']);
    const uneven = assess({ subnets: known([subnet('a', 4), subnet('b', 0)]) });
    expect(uneven.lacks).toEqual([]);
    expect(uneven.notes).toEqual(['eu-west-3: b (z) has no free address; the others get all']);
  });

  it('counts targets for the group and, with the live fleet, for the load balancer', () => {
    expect(codes({ targets: known({ perGroup: 3, perLoadBalancer: 6 }) })).toEqual(['BASCULE_QUOTA_TARGETS']);
    expect(codes({ targets: known({ perGroup: 4, perLoadBalancer: 5 }) })).toEqual(['BASCULE_QUOTA_TARGETS']);
    expect(codes({ targets: known({ perGroup: 4, perLoadBalancer: 6 }) })).toEqual([]);
    expect(codes({ targets: known({ perGroup: null, perLoadBalancer: null }) })).toEqual([]);
  });

  it('refuses what EC2 would not launch, in EC2’s words', () => {
    const denied = assess({ launch: known({ kind: 'denied', said: 'User ci is not authorized.' }) });
    expect(denied.lacks).toMatchObject([{ code: 'BASCULE_LAUNCH_DENIED' }]);
    expect(denied.lacks[0]?.message).toContain('User ci is not authorized.');
    expect(codes({ launch: known({ kind: 'refused', said: 'OptInRequired' }) })).toEqual([
      'BASCULE_LAUNCH_REFUSED',
    ]);
  });

  it('refuses to begin under an alarm that a check watches, or with one that does not exist', () => {
    const states = (...all: (string | null)[]) =>
      known(all.map((state, index) => ({ name: `alarm-${index}`, state })));
    expect(codes({ alarms: states('OK', 'INSUFFICIENT_DATA') })).toEqual([]);
    expect(codes({ alarms: states('OK', 'ALARM') })).toEqual(['BASCULE_ALARM_RAISED']);
    expect(codes({ alarms: states(null) })).toEqual(['BASCULE_ALARM_MISSING']);
  });

  it('refuses nothing for what is not known, and says so', () => {
    const silence = unknown<never>('sdk:Call failed');
    const result = assess({
      vcpus: [{ instanceType: 't3.small', room: silence }],
      subnets: silence,
      targets: silence,
      launch: silence,
      alarms: silence,
    });
    expect(result.lacks).toEqual([]);
    expect(result.notes).toHaveLength(5);
    for (const note of result.notes) expect(note).toMatch(/^eu-west-3: .* not known: sdk:Call failed$/);
  });
});

describe('the vCPU quota of an instance type', () => {
  it.each([
    ['t3.small', 'L-1216C47A'],
    ['im4gn.large', 'L-1216C47A'],
    ['i7ie.large', 'L-1216C47A'],
    ['inf1.xlarge', 'L-1945791B'],
    ['g5.xlarge', 'L-DB2E81BA'],
    ['u-6tb1.metal', 'L-43DA4232'],
    ['hpc7a.12xlarge', 'L-F7808C92'],
  ])('of %s is %s', (type, code) => {
    expect(vcpuQuotaOf(type)?.code).toBe(code);
  });

  it('of a family that is not known is not guessed', () => {
    expect(vcpuQuotaOf('mac2.metal')).toBeUndefined();
  });
});
