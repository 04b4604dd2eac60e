import { expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { known, unknown, type PreflightReading } from '../../src/domain/preflight';
import type { PreflightQuestion } from '../../src/ports';
import { livePlace } from '../support/deployments';
import { refusal, sessionOf } from '../support/session';

const CHECK = {
  name: 'orders',
  kind: 'alarms',
  names: ['orders-low'],
  pacing: { intervalSeconds: 1, failureLimit: 0, consecutiveErrorLimit: 4, waitSeconds: 10, then: 'halt' },
} as const;

function under(reading: Partial<PreflightReading>, regions = ['eu-west-3']) {
  const { world, journal, leases } = livePlace({ regions, instances: 3 });
  const asked: PreflightQuestion[] = [];
  const session = {
    ...sessionOf(world, journal, leases, { checks: [{ ...CHECK, names: [...CHECK.names] }] }),
    preflight: {
      read: (question: PreflightQuestion): Promise<PreflightReading> => {
        asked.push(question);
        return Promise.resolve({
          region: question.region,
          vcpus: [],
          subnets: known([{ id: 'subnet-a', zone: 'a', free: 3 }]),
          targets: known({ perGroup: null, perLoadBalancer: null }),
          launch: known({ kind: 'allowed' }),
          alarms: known([]),
          ...reading,
        });
      },
    },
  };
  return { world, journal, session, asked };
}

it('a lack refuses the deployment in the words of the first, before anything is touched', async () => {
  const { world, journal, session } = under(
    {
      subnets: known([{ id: 'subnet-a', zone: 'a', free: 2 }]),
      launch: known({ kind: 'denied', said: 'not authorized' }),
    },
    ['eu-west-3', 'eu-west-1'],
  );
  const error = await refusal(deploy(session, { version: '2.0.0', force: false }));
  expect(error).toMatchObject({ code: 'BASCULE_NO_ADDRESSES', exitCode: 2 });
  expect(error.message).toContain('3 more instance(s) need 3; free are 2');
  expect(error.details.map((line) => line.split(':')[0])).toEqual([
    'BASCULE_LAUNCH_DENIED',
    'BASCULE_NO_ADDRESSES',
    'BASCULE_LAUNCH_DENIED',
  ]);
  expect(await journal.list()).toEqual([]);
  expect(world.applied).toEqual([]);
});

it('asks about the idle colour, the release’s image and the alarms of the checks, and goes on with what is not known', async () => {
  const { session, asked } = under({ targets: unknown('no answer') });
  const result = await deploy(session, { version: '2.0.0', force: false });
  expect(result.kind).toBe('deployed');
  const image = { imageId: 'ami-1', version: '2.0.0', colour: 'green' };
  expect(asked).toEqual([{ region: 'eu-west-3', alarms: ['orders-low'], ...image }]);
  const notes = session.messages.flatMap((one) => (one.kind === 'note' ? [one.text] : []));
  expect(notes).toContain('preflight: eu-west-3: the limits of the load balancer are not known: no answer');
});
