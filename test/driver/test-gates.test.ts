/** Tests as gates of a deployment: before traffic moves and once it has, and what becomes of one that fails. */
import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { entryOf } from '../../automation/operations/history';
import { resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import { keptResults, runTests, withTestsToShow } from '../../automation/operations/test';
import { renderHistory } from '../../automation/cli/output/tables';
import { renderDeployment } from '../../automation/report/render';
import { storyOf } from '../../automation/report/story';
import { BasculeError } from '../../src/domain/errors';
import { testsOfPlan } from '../../src/domain/plan-tests';
import { parseSuite } from '../../src/domain/suite/parse';
import type { PlannedTest } from '../../src/domain/suite/gate';
import type { TestRun } from '../../src/domain/suite/result';
import { allTo } from '../../src/domain/traffic';
import { deploymentOf, livePlace, productionWrites } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import { DeadlyJournal } from '../support/kill-switch';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

const BLUE = Array(4).fill(allTo('blue'));
const GREEN = Array(4).fill(allTo('green'));

const parsed = parseSuite({
  requests: [{ path: '/login', capture: { next: { header: 'x' } } }, { path: '/{{next}}' }],
});
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const login: PlannedTest = {
  name: 'login',
  when: ['idle', 'live'],
  work: { kind: 'suite', file: 'tests/login.yaml', suite: parsed.suite },
  timeoutSeconds: 60,
};
const legacy: PlannedTest = {
  name: 'legacy',
  when: ['live'],
  work: { kind: 'command', command: ['npm', 'test'] },
  timeoutSeconds: 600,
};

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

function begin(regions?: string[]): void {
  ({ world, journal, leases } = livePlace({ regions }));
}

beforeEach(() => begin());

function session(tests: PlannedTest[] = [login, legacy]): TestSession {
  return { ...sessionOf(world, journal, leases), tests: () => Promise.resolve(tests) };
}

const deployed = (one = session()) => deploymentOf(one);

const cases = (...outcomes: ('passed' | 'failed' | 'skipped')[]): TestRun => ({
  cases: outcomes.map((outcome, index) => ({
    name: `request ${index + 1}`,
    seconds: 0.1,
    outcome,
    problems: outcome === 'failed' ? ['answered 500 instead of 2xx: oops'] : [],
  })),
  seconds: 0.2,
  problems: [],
  output: '',
});

/** The tests that ran, as `when name region`. */
const ran = (): string[] => world.testRuns.map(({ when, name, region }) => `${when} ${name} ${region}`);

describe('tests as gates', () => {
  it('run against the idle colour before traffic moves, and in production once all of it has, before the soak', async () => {
    begin(['eu-west-3', 'eu-central-1']);
    const seen: unknown[] = [];
    world.testEnds = ({ region }) => {
      seen.push(world.at(region).weightsOf('production'));
      return cases('passed', 'passed');
    };
    const result = await deployed();
    expect(result.outcome).toBe('succeeded');
    expect(ran()).toEqual([
      'idle login eu-west-3',
      'live login eu-west-3',
      'live legacy eu-west-3',
      'idle login eu-central-1',
      'live login eu-central-1',
      'live legacy eu-central-1',
    ]);
    expect(seen).toEqual([BLUE, GREEN, GREEN, BLUE, GREEN, GREEN]);
    expect(world.testRuns[0]).toEqual({
      name: 'login',
      when: 'idle',
      url: 'http://eu-west-3:test',
      version: '2.0.0',
      region: 'eu-west-3',
      environment: 'test',
      deployment: result.deployment,
      work: login.work,
      timeoutSeconds: 60,
    });
    expect(world.testRuns[2]?.url).toBe('http://eu-west-3');
    const told = story(result.records);
    const at = (what: string): number => told.indexOf(what);
    expect(at('verified health-gate:eu-west-3')).toBeLessThan(at('started test:eu-west-3:idle:login'));
    expect(at('verified test:eu-west-3:idle:login')).toBeLessThan(at('started hold:eu-west-3'));
    expect(at('verified prove:eu-west-3')).toBeLessThan(at('started test:eu-west-3:live:login'));
    expect(at('verified test:eu-west-3:live:legacy')).toBeLessThan(at('started soak:eu-west-3'));
    expect(result.state.steps['test:eu-west-3:idle:login']?.facts).toEqual({
      passed: 2,
      failed: 0,
      skipped: 0,
      results: `environments/test/tests/${result.deployment}/test:eu-west-3:idle:login.xml`,
    });
    expect(testsOfPlan(result.plan)).toEqual([login, legacy]);
  });

  it('that fail on the idle colour leave traffic untouched', async () => {
    world.testEnds = () => cases('passed', 'failed', 'skipped');
    const result = await deployed();
    expect(result).toMatchObject({
      outcome: 'failed',
      reason: {
        code: 'BASCULE_TEST_FAILED',
        details: [
          'request 2: answered 500 instead of 2xx: oops',
          `results: environments/test/tests/${result.deployment}/test:eu-west-3:idle:login.xml`,
        ],
      },
    });
    expect(result.message).toContain(
      'The test login of 2.0.0 failed through the test listener in eu-west-3: 1 of 3 passed, 1 skipped.',
    );
    expect(productionWrites(world.at())).toEqual([]);
    expect(world.testResults.get('test:eu-west-3:idle:login')).toHaveLength(3);
  });

  it('that fail only once traffic has moved take it back', async () => {
    world.testEnds = ({ name }) =>
      name === 'legacy'
        ? { ...cases(), problems: ['npm test exited with 1'], output: 'one\ntwo\n' }
        : cases('passed');
    const result = await deployed();
    expect(result).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_TEST_FAILED' } });
    expect(result.reason?.details.slice(0, 3)).toEqual(['npm test exited with 1', '| one', '| two']);
    expect(story(result.records)).not.toContain('started soak:eu-west-3');
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });

  it('are none of a rollback: what is gone back to has passed its own', async () => {
    await deployed();
    world.testRuns = [];
    expect(await rollback(session())).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual([]);
  });

  it('that cannot be read or run refuse a deployment before anything is touched, and no rollback', async () => {
    await deployed();
    const broken = session();
    broken.tests = () =>
      Promise.reject(new BasculeError({ code: 'BASCULE_SUITE_INVALID', message: 'wrong', next: 'mend' }));
    const request = { version: '3.0.0', force: false };
    expect(await refusal(deploy(broken, request))).toMatchObject({ code: 'BASCULE_SUITE_INVALID' });
    world.testLacks = ['SHOP_PASSWORD'];
    const lacking = await refusal(deploy(session(), request));
    expect(lacking).toMatchObject({ code: 'BASCULE_TEST_VARIABLE_MISSING', exitCode: 2 });
    expect(lacking.message).toContain('SHOP_PASSWORD');
    expect(await journal.list()).toHaveLength(1);
    // Who only looks needs no secret.
    expect((await withTestsToShow(session())).policy.tests).toHaveLength(2);
    expect(await rollback(broken)).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('a driver that was killed in a test', () => {
  it.each(['started', 'ran', 'verified'])(
    'has it run again by the next one, before its %s is recorded',
    async (kind) => {
      const id = 'test:eu-west-3:live:login';
      const whole = story((await deployed()).records);
      begin();
      const at = whole.indexOf(`${kind} ${id}`) + 1;
      const dying = { ...session(), journal: new DeadlyJournal(journal, at, 'before') };
      await expect(deploy(dying, { version: '2.0.0', force: false })).rejects.toThrow(/killed/);
      const before = ran().filter((one) => one.startsWith('live')).length;
      expect(before).toBe(kind === 'verified' ? 1 : 0);
      world.testRuns = [];
      expect(await resume(session([]))).toMatchObject({ outcome: 'succeeded' });
      // What was planned is run, whatever the files say by now.
      expect(ran()).toEqual(['live login eu-west-3', 'live legacy eu-west-3']);
    },
  );

  it('and goes on where a variable is missing halts, until it is there', async () => {
    const missing = { ...cases(), lacking: ['SHOP_PASSWORD'] };
    world.testEnds = ({ when }) => (when === 'live' ? missing : cases('passed'));
    const result = await deployed();
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TEST_VARIABLE_MISSING' } });
    expect(world.at().weightsOf('production')).toEqual(GREEN);
    world.testEnds = () => cases('passed');
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('a test under way', () => {
  it('is ended when somebody asks to stop, and its result counts for nothing', async () => {
    const one = session();
    let signal: AbortSignal | undefined;
    world.testEnds = (_, given) => {
      signal = given;
      one.stopNow();
      return new Promise((resolve) =>
        given.addEventListener('abort', () => resolve(cases('failed')), { once: true }),
      );
    };
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_STOPPED' } });
    expect(signal?.aborted).toBe(true);
    expect(world.testResults.size).toBe(0);
  });
});

describe('what tests came to', () => {
  it('is in the report with every case, and in the history', async () => {
    world.testEnds = ({ when, name }) =>
      when === 'live' && name === 'legacy' ? cases('passed', 'failed', 'skipped') : cases('passed', 'passed');
    const { records } = await deployed();
    const told = storyOf(records, await keptResults({ world }, records));
    expect(
      told.tests.map(({ name, when, phase, cases: found }) => [name, when, phase, found?.length]),
    ).toEqual([
      ['login', 'idle', 'verified', 2],
      ['login', 'live', 'verified', 2],
      ['legacy', 'live', 'failed', 3],
    ]);
    const page = renderDeployment(told);
    expect(page).toContain('<h2 id="tests">Tests</h2>');
    expect(page).toContain('1 passed, 1 failed, 1 skipped');
    expect(page).toContain('answered 500 instead of 2xx: oops');
    // Without the results the journal still says why.
    const alone = renderDeployment(storyOf(records));
    expect(alone).toContain('request 2: answered 500 instead of 2xx: oops');
    expect(renderHistory([entryOf(records)], [], true)).toMatch(
      /test login of 2.0.0 through the test listener \(tests\/login.yaml, 2 requests\) +0\.?\d* s +2 of 2 passed: environments\//,
    );
  });
});

describe('tests by hand', () => {
  const tell = () => undefined;
  const request = { when: 'live' as const, only: [], regions: [] };

  it('run those of the moment against what is there, and record nothing', async () => {
    begin(['eu-west-3', 'eu-central-1']);
    world.testEnds = ({ name }) => cases(name === 'legacy' ? 'failed' : 'passed');
    const found = await runTests(session(), request, tell);
    expect(found.map(({ place, passed }) => [place.name, place.region, place.version, passed])).toEqual([
      ['login', 'eu-west-3', '1.0.0', true],
      ['legacy', 'eu-west-3', '1.0.0', false],
      ['login', 'eu-central-1', '1.0.0', true],
      ['legacy', 'eu-central-1', '1.0.0', false],
    ]);
    expect(found[0]?.place).toMatchObject({ url: 'http://eu-west-3', deployment: '' });
    expect(world.testResults.size).toBe(0);
    expect(await journal.list()).toEqual([]);
    world.testRuns = [];
    await runTests(session(), { when: 'idle', only: ['legacy'], regions: ['eu-west-3'] }, tell);
    expect(world.testRuns).toMatchObject([
      { name: 'legacy', when: 'idle', url: 'http://eu-west-3:test', version: '' },
    ]);
  });

  it('say what there is to run where nothing is', async () => {
    const code = async (...given: Parameters<typeof runTests>) => (await refusal(runTests(...given))).code;
    expect(await code(session(), { ...request, only: ['logout'] }, tell)).toBe('BASCULE_NO_SUCH_TEST');
    expect(await code(session([legacy]), { ...request, when: 'idle' }, tell)).toBe('BASCULE_NO_SUCH_TEST');
    expect(await code(session(), { ...request, regions: ['eu-west-1'] }, tell)).toBe('BASCULE_USAGE');
    world.testLacks = ['SHOP_PASSWORD'];
    expect(await code(session(), request, tell)).toBe('BASCULE_TEST_VARIABLE_MISSING');
  });
});
