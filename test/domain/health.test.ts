import { describe, expect, it } from 'vitest';
import type { FleetReading, InstanceReading } from '../../src/domain/fleet';
import { assessFleet, assessSoak } from '../../src/domain/health';
import { assessLive, assessSmoke } from '../../src/domain/probe';

const good: InstanceReading = {
  id: 'i-1',
  version: '2.0.0',
  lifecycle: 'InService',
  statusCheck: 'ok',
  target: 'healthy',
  targetReason: '',
};
const expected = { version: '2.0.0', instances: 2, consecutive: 3, since: 1000 };

function fleet(instances: InstanceReading[], activities: FleetReading['activities'] = []): FleetReading {
  return {
    region: 'eu-west-3',
    colour: 'green',
    autoScalingGroup: 'shop-green',
    minimum: 2,
    maximum: 4,
    suspended: [],
    desired: 2,
    version: '2.0.0',
    instances,
    activities,
  };
}

describe('the health gate', () => {
  it('opens only after several good looks in a row', () => {
    const reading = fleet([good, { ...good, id: 'i-2' }]);
    expect(assessFleet(reading, expected, 0)).toMatchObject({ kind: 'pending', streak: 1 });
    expect(assessFleet(reading, expected, 1)).toMatchObject({ kind: 'pending', streak: 2 });
    expect(assessFleet(reading, expected, 2)).toEqual({ kind: 'healthy', streak: 3 });
  });

  it.each([
    ['an instance of another release', { version: '1.0.0' }],
    ['an instance that waits', { lifecycle: 'Pending:Wait' }],
    ['an instance whose status checks are not known', { statusCheck: 'unknown' }],
    ['a target that is unused', { target: 'unused' }],
    ['a target that is initial', { target: 'initial' }],
    ['a target that is not registered', { target: 'unregistered' }],
  ] as const)('stays shut for %s, and starts to count anew', (_what, change) => {
    expect(assessFleet(fleet([good, { ...good, id: 'i-2', ...change }]), expected, 2)).toMatchObject({
      kind: 'pending',
      streak: 0,
    });
  });

  it('stays shut while there is no group', () => {
    expect(assessFleet(undefined, expected, 2)).toMatchObject({ kind: 'pending', streak: 0 });
  });

  it('fails at once with the words of Auto Scaling when nothing can be launched', () => {
    const activity = {
      at: 2000,
      status: 'Failed',
      description: 'Launching a new EC2 instance',
      message: 'We currently do not have sufficient t3.small capacity',
    };
    expect(assessFleet(fleet([good], [activity]), expected, 0)).toMatchObject({
      kind: 'failed',
      code: 'BASCULE_LAUNCH_FAILED',
    });
    expect(assessFleet(fleet([good], [{ ...activity, at: 500 }]), expected, 0)).toMatchObject({
      kind: 'pending',
    });
  });
});

describe('the soak', () => {
  it('bears one sick instance of two, and not all of them', () => {
    const sick: InstanceReading = { ...good, id: 'i-2', target: 'unhealthy', targetReason: 'Target.Timeout' };
    expect(assessSoak(fleet([good, sick]), expected)).toBeUndefined();
    expect(assessSoak(fleet([sick]), expected)?.details).toEqual([
      'i-2: InService, status checks ok, target unhealthy (Target.Timeout)',
    ]);
    expect(assessSoak(undefined, expected)).toBeDefined();
  });
});

describe('answers', () => {
  const answer = {
    kind: 'answered' as const,
    status: 200,
    headers: { 'x-version': '2.0.0' },
    body: 'hello world',
  };
  const request = {
    path: '/',
    method: 'GET',
    headers: {},
    status: 200,
    bodyContains: 'world',
    timeoutSeconds: 1,
  };

  it('of a smoke test must have the status and the text', () => {
    expect(assessSmoke(request, answer)).toBeUndefined();
    expect(assessSmoke(request, { ...answer, status: 500 })).toContain('answered 500 instead of 200');
    expect(assessSmoke(request, { ...answer, body: 'nothing' })).toContain('does not contain "world"');
    expect(assessSmoke(request, { kind: 'no-answer', reason: 'refused' })).toBe('refused');
  });

  it('of live traffic must name the version in the header, when one is configured', () => {
    expect(assessLive(answer, 'X-Version', '2.0.0')).toBeUndefined();
    expect(assessLive(answer, 'X-Version', '1.0.0')).toBe('answered by 2.0.0');
    expect(assessLive({ ...answer, headers: {} }, 'X-Version', '2.0.0')).toContain('no header X-Version');
    expect(assessLive({ ...answer, headers: {} }, null, '2.0.0')).toBeUndefined();
    expect(assessLive({ ...answer, status: 503 }, null, '2.0.0')).toBe('answered 503');
  });
});
