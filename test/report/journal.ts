/** A journal as a driver leaves it that turned back from the second weight of a canary. */
import type { Assessment, Verdict } from '../../src/domain/analysis/assessment';
import { allTo, type RouteWeights } from '../../src/domain/traffic';
import { RECORD_FORMAT, type Holder, type JournalRecord, type RecordBody } from '../../src/domain/records';
import type { Shift, Step } from '../../src/domain/step';

export const OPENED_AT = Date.parse('2026-11-21T12:00:00Z');
const region = 'eu-west-3';
export const holder: Holder = { host: 'ci-7', pid: 42, user: 'deployer', job: null };

const routes = (green: number): RouteWeights[] =>
  ['default', 'api'].map((id) => ({ id, label: id, weights: { blue: 100 - green, green } }));

function shift(id: string, percent?: number): Shift {
  return {
    kind: 'shift',
    id,
    region,
    from: routes(0),
    to: percent === undefined ? routes(100) : routes(percent),
    towards: 'green',
    timeoutSeconds: 60,
    ...(percent === undefined ? {} : { percent }),
  };
}

function analyse(percent: number): Step {
  const id = `analyse:${region}:${percent}`;
  const version = '2.0.0';
  return {
    kind: 'analyse',
    id,
    region,
    colour: 'green',
    version,
    percent,
    seconds: 60,
    byHand: false,
    checks: [],
  };
}

export const steps: Step[] = [
  { kind: 'point-test', id: `point-test:${region}`, region, colour: 'green', settling: false },
  shift(`shift:${region}:5`, 5),
  analyse(5),
  shift(`shift:${region}:25`, 25),
  analyse(25),
  shift(`shift:${region}`),
];

/** Puts records one after another, each so many seconds after the opening. */
export function journalOf(bodies: readonly (readonly [number, RecordBody])[]): JournalRecord[] {
  return bodies.map(([second, body], sequence) => ({
    ...body,
    format: RECORD_FORMAT,
    deployment: '20261121-120000-abcd',
    sequence,
    at: OPENED_AT + second * 1000,
    fence: 1,
  }));
}

export const opened: RecordBody = {
  kind: 'opened',
  holder,
  plan: {
    purpose: 'deploy',
    environment: 'production',
    service: 'shop',
    version: '2.0.0',
    formerVersion: '1.0.0',
    steps,
    found: [
      {
        region,
        routes: routes(0).map((route) => ({ ...route, weights: allTo('blue') })),
        fleets: { blue: null, green: null },
      },
    ],
  },
};

/** What a check of the error rate and one of a command say of one look. */
export function looked(second: number, percent: number, verdict: Verdict, rate: number | null): RecordBody {
  const window = { from: OPENED_AT + (second - 10) * 1000, to: OPENED_AT + second * 1000 };
  const reason = rate === null ? 'there are no metrics' : `${rate * 1000} of 1000 requests failed`;
  const errors: Assessment = {
    verdict,
    reason,
    window,
    figures: [
      { name: 'new colour', value: rate, limit: 0.02, unit: 'share' },
      { name: 'new colour against the old colour', value: rate, limit: 0.011, unit: 'share' },
    ],
  };
  const orders: Assessment = {
    verdict: 'pass',
    reason: 'the command exited with 0: orders flow',
    window,
    figures: [],
  };
  return {
    kind: 'assessed',
    step: `analyse:${region}:${percent}`,
    assessments: [
      { check: 'errors', assessment: errors },
      { check: 'orders', assessment: orders },
    ],
  };
}

const done = (from: number, to: number, step: string): [number, RecordBody][] => [
  [from, { kind: 'started', step }],
  [to - 0.1, { kind: 'ran', step, facts: {} }],
  [to, { kind: 'verified', step, facts: {} }],
];

const why = {
  code: 'BASCULE_ANALYSIS_FAILED',
  message:
    'errors failed at 25 %: 40 of 1000 requests (4 %) failed on the new colour, over the limit of 2 %.',
  details: [
    'window: 12:02:00 to 12:02:10',
    'failed requests: 51 of 9000 (0.57 %) since the deployment began',
  ],
};

export const turnedBack: JournalRecord[] = journalOf([
  [0, opened],
  ...done(1, 3, `point-test:${region}`),
  ...done(3, 5, `shift:${region}:5`),
  [5, { kind: 'started', step: `analyse:${region}:5` }],
  [5, { kind: 'ran', step: `analyse:${region}:5`, facts: {} }],
  [15, looked(15, 5, 'inconclusive', null)],
  [25, looked(25, 5, 'pass', 0.004)],
  [
    30,
    {
      kind: 'asked',
      request: {
        sequence: 0,
        deployment: '20261121-120000-abcd',
        kind: 'pause',
        step: null,
        by: { ...holder, user: 'ann' },
        at: OPENED_AT + 29_000,
      },
    },
  ],
  ...[35, 45, 55, 65].map((at): [number, RecordBody] => [at, looked(at, 5, 'pass', 0.003 + at / 20_000)]),
  [65, { kind: 'verified', step: `analyse:${region}:5`, facts: {} }],
  ...done(65, 68, `shift:${region}:25`),
  [68, { kind: 'started', step: `analyse:${region}:25` }],
  [68, { kind: 'ran', step: `analyse:${region}:25`, facts: {} }],
  [78, looked(78, 25, 'pass', 0.008)],
  [88, looked(88, 25, 'pass', 0.012)],
  [98, looked(98, 25, 'fail', 0.04)],
  [98, { kind: 'failed', step: `analyse:${region}:25`, reason: why }],
  [98.2, { kind: 'undoStarted', step: `shift:${region}:25` }],
  [100, { kind: 'undone', step: `shift:${region}:25`, facts: {} }],
  [101, { kind: 'closed', outcome: 'rolled-back', message: 'production runs 1.0.0 again.' }],
]);
