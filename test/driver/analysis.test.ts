/** What the driver makes of a step's checks: when it looks, when it turns back, halts, waits, and what it tells. */
import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { resume } from '../../automation/operations/resume';
import { DEFAULT_COMPARISON, DEFAULT_PACING, type Check, type Pacing } from '../../src/domain/analysis/check';
import type { Counts, Measurement } from '../../src/domain/analysis/measurement';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { JournalRecord } from '../../src/domain/records';
import { BasculeError } from '../../src/domain/errors';
import { allTo } from '../../src/domain/traffic';
import type { Look } from '../../src/ports';
import { deploymentOf, livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace());
});

const SECOND = 1000;

function errors(over: Partial<Pacing> = {}): Check {
  return {
    kind: 'error-rate',
    name: 'errors',
    limit: 0.05,
    windowSeconds: 60,
    minimumRequests: 20,
    comparison: DEFAULT_COMPARISON,
    pacing: { ...DEFAULT_PACING, intervalSeconds: 5, waitSeconds: 30, ...over },
  };
}

function command(over: Partial<Pacing> = {}): Check {
  return {
    kind: 'command',
    name: 'orders',
    command: ['check-orders'],
    timeoutSeconds: 10,
    pacing: { ...DEFAULT_PACING, intervalSeconds: 5, waitSeconds: 30, ...over },
  };
}

/** One stage of 10 % for 30 s. */
function session(checks: Check[], change: Partial<DeploymentPolicy> = {}): TestSession {
  const stage = { percent: 10, pauseSeconds: 30, byHand: false };
  return sessionOf(world, journal, leases, {
    strategy: { kind: 'canary', steps: [stage] },
    checks,
    ...change,
  });
}

/** A thousand requests for the old colour and a hundred for the new one in each second, so many of them failed. */
function measures(failed: { new: number; old: number }): (check: unknown, look: Look) => Measurement {
  return (_check, look) => {
    const seconds = Math.round((look.to - look.from) / SECOND);
    const counts = (requests: number, failures: number): Counts => ({ requests, failures });
    return {
      kind: 'rate',
      window: { from: look.from, to: look.to },
      periods: Array.from({ length: seconds }, (_, at) => ({
        from: look.from + at * SECOND,
        to: look.from + (at + 1) * SECOND,
        new: counts(100, failed.new),
        old: look.before === null ? counts(1000, failed.old) : null,
      })),
      before: look.before === null ? null : [counts(60_000, 60 * failed.old)],
    };
  };
}

async function deployed(test: TestSession) {
  const result = await deploymentOf(test);
  return { ...result, records: await journal.read(result.deployment) };
}

function assessments(records: readonly JournalRecord[], step: string) {
  return records.flatMap((record) => (record.kind === 'assessed' && record.step === step ? [record] : []));
}

function at(records: readonly JournalRecord[], entry: string): number {
  const record = records[story(records).indexOf(entry)];
  if (record === undefined) throw new Error(`${entry} is not in the journal`);
  return record.at;
}

const ANALYSE = 'analyse:eu-west-3:10';

describe('a step whose checks pass', () => {
  it('looks at each interval, records what it found, and ends when a look saw all of it', async () => {
    const { outcome, records } = await deployed(session([errors()]));
    expect(outcome).toBe('succeeded');
    const began = at(records, `started ${ANALYSE}`);
    const looks = assessments(records, ANALYSE).map((record) => Math.round((record.at - began) / SECOND));
    expect(looks).toEqual([5, 10, 15, 20, 25, 30]);
    expect(at(records, `verified ${ANALYSE}`) - began).toBeGreaterThanOrEqual(30 * SECOND);
    const soaked = assessments(records, 'soak:eu-west-3');
    expect(soaked.length).toBe(2);
  });

  it('holds the soak against what the former colour did before the cutover', async () => {
    const looks: Look[] = [];
    const { records } = await (() => {
      world.at().measures = (check, look) => {
        looks.push(look);
        return measures({ new: 1, old: 10 })(check, look);
      };
      return deployed(session([errors()]));
    })();
    const soak = looks.filter((look) => look.from === at(records, 'started soak:eu-west-3'));
    expect(soak.length).toBeGreaterThan(0);
    for (const { before } of soak)
      expect(before).toEqual({ from: records[0]?.at, to: at(records, 'started shift:eu-west-3') });
    const stage = looks.filter((look) => look.from === at(records, `started ${ANALYSE}`));
    expect(stage.map(({ before }) => before)).toEqual(stage.map(() => null));
  });
});

describe('a step with a check that fails', () => {
  it('turns back at the first look, and says which check, which numbers, which window and which requests', async () => {
    world.at().measures = measures({ new: 80, old: 10 });
    world.at().counts = { blue: { requests: 9500, failures: 95 }, green: { requests: 500, failures: 400 } };
    const test = session([errors()]);
    const { outcome, reason, message, records } = await deployed(test);
    expect(outcome).toBe('rolled-back');
    expect(at(records, `failed ${ANALYSE}`) - at(records, `started ${ANALYSE}`)).toBe(5 * SECOND);
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    expect(reason?.code).toBe('BASCULE_ANALYSIS_FAILED');
    expect(reason?.message).toMatch(
      /^The check errors failed at 10 % on green in eu-west-3: 400 of 500 requests \(80 %\) failed on the new colour, over the limit of 5 %; .*\(\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC\)\.$/,
    );
    expect(reason?.details).toContain('new colour: 80 %, limit 5 %');
    expect(reason?.details.filter((line) => line.includes('80 of 100 requests failed'))).toHaveLength(5);
    expect(message).toContain(
      'In the whole deployment 495 of 10000 requests failed (4.95 %) by the metrics so far; 2.0.0 had at most 10 % of the traffic.',
    );
    expect(test.messages.filter(({ kind }) => kind === 'assessed')).toHaveLength(1);
  });

  it('does so in the soak as well', async () => {
    world.at().measures = (check, look) =>
      measures({ new: look.before === null ? 1 : 20, old: 10 })(check, look);
    const { outcome, reason } = await deployed(session([errors()]));
    expect(outcome).toBe('rolled-back');
    expect(reason?.message).toContain('The check errors failed in the soak on green');
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('puts up with as many failures as the limit says', async () => {
    let looks = 0;
    world.at().measures = (check, look) =>
      measures({ new: (looks += 1) === 2 ? 90 : 1, old: 10 })(check, look);
    const { outcome } = await deployed(session([errors({ failureLimit: 1 })], { soakSeconds: 0 }));
    expect(outcome).toBe('succeeded');
  });

  it('has its fleet watched without any check', async () => {
    world.clock.after(20 * SECOND, () => world.at().sicken('green'));
    const { outcome, reason } = await deployed(session([]));
    expect(outcome).toBe('rolled-back');
    expect(reason?.message).toContain('2.0.0 fell sick with 10 % of the traffic in eu-west-3');
  });
});

describe('between two weights, while the fleet grows', () => {
  const stages = [10, 50].map((percent) => ({ percent, pauseSeconds: 30, byHand: false }));
  const growing = {
    strategy: { kind: 'canary' as const, steps: stages },
    growth: { kind: 'proportional' as const, minimum: 1 },
  };
  const FOLLOW = 'follow:eu-west-3:50';

  beforeEach(() => {
    world.runs('blue', '1.0.0', 4);
    // What is launched for the second weight does not get well.
    world.beforeApply = ({ capacity }) => {
      if (capacity.desired > 1) world.at().behaviours.set('2.0.0', 'sick');
    };
  });

  it('the checks go on looking, and a failure turns back before traffic moves on', async () => {
    const looks: Look[] = [];
    let grows = Infinity;
    world.at().measures = (check, look) => {
      looks.push(look);
      if (look.to - look.from > 35 * SECOND) grows = Math.min(grows, look.to);
      return measures({ new: look.to > grows ? 80 : 1, old: 10 })(check, look);
    };
    const { outcome, reason, records } = await deployed(session([errors()], growing));
    expect(outcome).toBe('rolled-back');
    expect(reason?.message).toContain('The check errors failed at 10 % on green');
    expect(story(records)).toContain(`failed ${FOLLOW}`);
    expect(story(records)).not.toContain('started shift:eu-west-3:50');
    // They are looks of the weight that traffic has, over all the time that it has it.
    const began = at(records, `started ${ANALYSE}`);
    expect(new Set(looks.map(({ from }) => from))).toEqual(new Set([began]));
    const later = assessments(records, ANALYSE).filter((look) => look.at > at(records, `started ${FOLLOW}`));
    expect(later.length).toBeGreaterThan(1);
    expect(later.at(-1)).toMatchObject({ assessments: [{ assessment: { verdict: 'fail' } }] });
  });

  it('no answer of theirs holds up what grows', async () => {
    world.at().measures = (check, look) =>
      look.to - look.from > 35 * SECOND
        ? { kind: 'none', window: look, reason: 'CloudWatch did not answer' }
        : measures({ new: 1, old: 10 })(check, look);
    const { outcome, reason, records } = await deployed(
      session([errors({ consecutiveErrorLimit: 2 })], growing),
    );
    expect(outcome).toBe('rolled-back');
    expect(reason?.code).toBe('BASCULE_STEP_TIMEOUT');
    expect(story(records)).toContain(`failed ${FOLLOW}`);
  });
});

describe('a step without an answer', () => {
  const silent = (_check: unknown, { from, to }: Look): Measurement => ({
    kind: 'rate',
    window: { from, to },
    periods: [],
    before: null,
  });

  it('waits for one, then halts with the traffic where it is, and looks afresh when it is resumed', async () => {
    world.at().measures = silent;
    const { outcome, reason, records, deployment } = await deployed(session([errors()]));
    expect(outcome).toBe('halted');
    expect(reason?.code).toBe('BASCULE_ANALYSIS_INCONCLUSIVE');
    expect(reason?.message).toContain('The check errors gave no answer at 10 % on green in eu-west-3');
    expect(at(records, `halted ${ANALYSE}`) - at(records, `started ${ANALYSE}`)).toBe(60 * SECOND);
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill({ blue: 90, green: 10 }));

    await world.clock.wait(3600 * SECOND);
    const again = await resume(session([errors()]));
    expect(again.outcome).toBe('halted');
    const both = (await journal.read(deployment)).filter((record) => record.kind === 'halted');
    const resumed = (await journal.read(deployment)).find((record) => record.kind === 'resumed');
    expect((both[1]?.at ?? 0) - (resumed?.at ?? 0)).toBeGreaterThanOrEqual(30 * SECOND);

    world.at().measures = measures({ new: 1, old: 10 });
    expect((await resume(session([errors()]))).outcome).toBe('succeeded');
  });

  it('turns back where that is asked for', async () => {
    world.at().measures = silent;
    const { outcome, reason } = await deployed(session([errors({ then: 'turn-back' })]));
    expect(outcome).toBe('rolled-back');
    expect(reason?.code).toBe('BASCULE_ANALYSIS_INCONCLUSIVE');
  });

  const none = (_check: unknown, { from, to }: Look): Measurement => ({
    kind: 'none',
    window: { from, to },
    reason: 'CloudWatch did not answer',
  });

  it('puts up with a few attempts in a row that measured nothing', async () => {
    let looks = 0;
    world.at().measures = (check, look) =>
      (looks += 1) <= 3 ? none(check, look) : measures({ new: 1, old: 10 })(check, look);
    expect((await deployed(session([errors({ consecutiveErrorLimit: 3 })]))).outcome).toBe('succeeded');
  });

  it('puts up with no more of them than the limit says, not even while a person is waited for', async () => {
    world.at().measures = none;
    const stage = { percent: 10, pauseSeconds: null, byHand: true };
    const { outcome, reason } = await deployed(
      session([errors({ consecutiveErrorLimit: 2 })], { strategy: { kind: 'canary', steps: [stage] } }),
    );
    expect(outcome).toBe('halted');
    expect(reason?.message).toContain(
      '3 times in a row nothing could be measured: CloudWatch did not answer',
    );
  });
});

describe('a journal that gives no answer', () => {
  it('stops the deployment when a check’s result was to be recorded', async () => {
    const append = journal.append.bind(journal);
    let attempts = 0;
    journal.append = (record) => {
      if (record.kind !== 'assessed') return append(record);
      attempts += 1;
      throw new BasculeError({ code: 'BASCULE_AWS_UNREACHABLE', message: 'S3 is silent', next: '' });
    };
    const error = await refusal(deploy(session([errors()]), { version: '2.0.0', force: false }));
    expect(error.code).toBe('BASCULE_AWS_UNREACHABLE');
    // What nobody knows to be written is not written again by this process.
    expect(attempts).toBe(1);
    journal.append = append;
    expect((await resume(session([errors()]))).outcome).toBe('succeeded');
  });
});

describe('a check command', () => {
  it('gets what a deployment is about, and fails it by its exit code', async () => {
    const given: unknown[] = [];
    world.commandEnds = (_check, facts) => {
      given.push(facts);
      return { kind: 'exited', code: given.length < 3 ? 0 : 1 };
    };
    const { outcome, reason, deployment } = await deployed(session([command()]));
    expect(outcome).toBe('rolled-back');
    expect(reason?.message).toContain('the command exited with 1');
    expect(given[0]).toEqual({
      format: 1,
      deployment,
      environment: 'test',
      service: 'shop',
      region: 'eu-west-3',
      step: ANALYSE,
      check: 'orders',
      version: '2.0.0',
      formerVersion: '1.0.0',
      colour: 'green',
      former: 'blue',
      percent: 10,
      from: expect.stringMatching(/^2026-01-01T00:0\d:\d\d\.\d{3}Z$/) as string,
      to: expect.stringMatching(/^2026-01-01T00:0\d:\d\d\.\d{3}Z$/) as string,
      urls: { production: 'http://eu-west-3', test: 'http://eu-west-3:test' },
    });
  });

  it.each([
    ['that cannot tell', 2],
    ['that crashed', 127],
  ])('%s never passes', async (_what, code) => {
    world.commandEnds = () => ({ kind: 'exited', code });
    expect((await deployed(session([command()]))).outcome).toBe('halted');
  });

  it('that takes its time keeps no other check from failing, and ends with the step', async () => {
    let ended = false;
    world.commands.run = (_check, _facts, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended = true;
          resolve({ ending: { kind: 'killed', signal: 'SIGTERM' }, output: '' });
        });
      });
    world.at().measures = measures({ new: 80, old: 10 });
    const { outcome, reason } = await deployed(session([command(), errors({ intervalSeconds: 10 })]));
    expect(outcome).toBe('rolled-back');
    expect(reason?.message).toContain('The check errors failed');
    expect(ended).toBe(true);
  });
});
