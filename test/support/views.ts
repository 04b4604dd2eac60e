import type { WatchView } from '../../automation/watch/view';

/** A canary under way, as a watcher sees it. */
export function aView(change: Partial<WatchView> = {}): WatchView {
  const openedAt = Date.now() - 60_000;
  const look = (at: number, value: number) => ({ at: openedAt + at, value, limit: 0.05 });
  const instance = (id: string, healthy: boolean) => {
    return { id, healthy, words: `${id}: InService, target ${healthy ? 'healthy' : 'unhealthy'}` };
  };
  return {
    environment: 'production',
    service: 'shop',
    deployment: '20260101-101500-1a2b',
    purpose: 'deploy',
    from: '1.0.0',
    to: '2.0.0',
    openedAt,
    at: openedAt + 60_000,
    by: 'ada on desk (process 7)',
    outcome: null,
    message: null,
    closedAt: null,
    trouble: null,
    paused: null,
    abandoned: null,
    problem: null,
    steps: [
      stepView('shift:eu-west-3:5', 'shift of 5 % on 2 route(s) to green', {
        phase: 'done',
        endedAt: openedAt + 9000,
      }),
      stepView('analyse:eu-west-3:5', '5 % on green for 300 s', {
        phase: 'under way',
        startedAt: openedAt + 9000,
        until: openedAt + 309_000,
        byHand: true,
      }),
      stepView('shift:eu-west-3', 'cutover of 2 route(s) to green', { phase: 'waiting', startedAt: null }),
    ],
    regions: [
      {
        region: 'eu-west-3',
        routes: [
          { label: 'default action', blue: 95, green: 5 },
          { label: 'rule 10 (path /api/*)', blue: 95, green: 5 },
        ],
        fleets: [
          {
            colour: 'blue',
            version: '1.0.0',
            role: 'shared',
            healthy: 1,
            desired: 1,
            instances: [instance('i-blue', true)],
          },
          {
            colour: 'green',
            version: '2.0.0',
            role: 'shared',
            healthy: 1,
            desired: 2,
            instances: [instance('i-good', true), instance('i-bad', false)],
          },
        ],
      },
    ],
    weights: [
      {
        region: 'eu-west-3',
        colour: 'green',
        points: [
          { at: openedAt, percent: 0 },
          { at: openedAt + 9000, percent: 5 },
        ],
      },
    ],
    checks: [
      {
        name: 'errors',
        region: 'eu-west-3',
        step: '5 % on green for 300 s',
        verdict: 'pass',
        reason: 'the new colour fails 1 % of 900 requests',
        at: openedAt + 40_000,
        failures: 0,
        failureLimit: 2,
        figures: [
          {
            name: 'failed share',
            unit: 'share',
            value: 0.01,
            limit: 0.05,
            points: [look(20_000, 0.02), look(40_000, 0.01)],
          },
        ],
      },
    ],
    asked: [],
    can: ['advance', 'advance-full', 'pause', 'abort'],
    ...change,
  };
}

export function stepView(
  id: string,
  what: string,
  change: Partial<WatchView['steps'][number]>,
): WatchView['steps'][number] {
  const startedAt = Date.now() - 60_000;
  const plain = {
    phase: 'waiting',
    startedAt,
    endedAt: null,
    until: null,
    byHand: false,
    reason: null,
  } as const;
  return { id, what, region: 'eu-west-3', ...plain, ...change };
}
