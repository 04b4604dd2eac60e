/** People's consent, from the moment that a deployment waits for it; each person at a desk of their own. */
import { beforeEach, describe, expect, it } from 'vitest';
import { decideOn, type ApprovalDesk, type DecisionRequest } from '../../automation/operations/approve';
import { deploy } from '../../automation/operations/deploy';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import { storyOf } from '../../automation/report/story';
import { APPROVAL_FORMAT, type Person } from '../../src/domain/approval';
import type { JournalRecord } from '../../src/domain/records';
import type { ApprovalRule } from '../../src/domain/step';
import { allTo } from '../../src/domain/traffic';
import { acting, type Acts, begins, deploymentOf, livePlace, whenSaid } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, TESTER, type TestSession } from '../support/session';
import { must } from '../support/until';

const ACCOUNT = '123456789012';
const STEP = 'approve:eu-west-3:lead';
const BLUE = Array(4).fill(allTo('blue'));

const rule: ApprovalRule = {
  name: 'lead',
  before: 'shift',
  count: 1,
  approvers: [`arn:aws:iam::${ACCOUNT}:role/approvers`],
  notRequester: true,
  expiresAfterSeconds: 3600,
  timeoutSeconds: 600,
};

function person(name: string, role = 'approvers'): Person {
  return {
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${name}`,
    userId: `AROA${role}:${name}`,
    account: ACCOUNT,
  };
}

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace());
});

const desk = (by: Person): ApprovalDesk => ({
  environment: 'test',
  journal,
  leases,
  approvals: world.approvals,
  identity: { current: () => Promise.resolve(by) },
  clock: world.clock,
});

const says = (by: Person, change: Partial<DecisionRequest> = {}) =>
  decideOn(desk(by), { decision: 'approve', comment: 'CHG-1', ...change });

const sessionWith = (approvals: ApprovalRule[]): TestSession =>
  sessionOf(world, journal, leases, { approvals });

/** Deploys 2.0.0 while people act. */
function deploying(session: TestSession, acts: Acts = {}) {
  const answers = acting(session, acts);
  return { result: deploymentOf(session), answers };
}

async function deployed(rules: ApprovalRule[], acts: Acts = {}) {
  const { result, answers } = deploying(sessionWith(rules), acts);
  return { result: await result, answers: await Promise.all(answers) };
}

const approvedIn = (records: readonly JournalRecord[]) =>
  records.flatMap((record) => (record.kind === 'approved' ? [record] : []));

describe('a deployment that needs consent', () => {
  it('waits for it with the idle colour up, and goes on once it has it', async () => {
    const { result, answers } = await deployed([rule], {
      [STEP]: async () => {
        await world.clock.wait(60_000);
        expect(world.at().weightsOf('production')).toEqual(BLUE);
        expect((await world.at().read('green'))?.instances).toHaveLength(2);
        return says(person('bob'));
      },
    });
    expect(result.outcome).toBe('succeeded');
    const [opened] = result.records;
    expect(opened).toMatchObject({
      requester: TESTER,
      planHash: expect.stringMatching(/^plan-[0-9a-f]{32}$/),
    });
    expect(approvedIn(result.records)).toMatchObject([
      {
        step: STEP,
        decision: 'approve',
        by: person('bob'),
        comment: 'CHG-1',
        planHash: result.state.planHash,
      },
    ]);
    expect(answers).toMatchObject([
      { approval: 'lead', taken: { counted: true }, message: expect.stringContaining('It goes on.') },
    ]);
    expect(storyOf(result.records).events).toContainEqual(
      expect.objectContaining({ what: `approved by ${person('bob').arn}: CHG-1` }),
    );
    const steps = story(result.records);
    expect(steps.indexOf(`verified ${STEP}`)).toBeGreaterThan(
      steps.indexOf('verified health-gate:eu-west-3'),
    );
    expect(steps.indexOf(`verified ${STEP}`)).toBeLessThan(steps.indexOf('started hold:eu-west-3'));
  });

  it('says what it waits for and what to type', async () => {
    const session = sessionWith([rule]);
    const waits = () =>
      session.messages.flatMap((one) => (one.kind === 'waiting' && one.step.id === STEP ? [one.for] : []));
    const later = async () => {
      while (waits().length === 0) await world.clock.wait(1000);
      return says(person('bob'));
    };
    await deploying(session, { [STEP]: later }).result;
    expect(waits()[0]).toMatch(
      /the approval lead, 0 of 1, of the plan plan-\w+: `bascule approve test --step lead --comment <why>`/,
    );
  });

  it('takes it ahead, before it comes to it', async () => {
    const { result, answers } = await deployed([rule], {
      'apply-idle:eu-west-3': () => says(person('bob')),
    });
    expect(result.outcome).toBe('succeeded');
    expect(answers).toMatchObject([{ taken: null, message: expect.stringContaining('when it comes to it') }]);
  });

  it('asks for each approval where it stands', async () => {
    const rules = [
      { ...rule, name: 'begin', before: 'start' as const },
      { ...rule, name: 'end', before: 'retire' as const },
    ];
    const { result } = await deployed(rules, {
      'approve:eu-west-3:begin': () => says(person('bob')),
      'approve:eu-west-3:end': () => says(person('bob')),
    });
    const steps = story(result.records);
    expect(steps[1]).toBe('started approve:eu-west-3:begin');
    expect(steps.indexOf('started approve:eu-west-3:end')).toBeGreaterThan(
      steps.indexOf('verified release:eu-west-3'),
    );
    expect(result.outcome).toBe('succeeded');
  });

  it('needs as many people as it says, and one person twice is one', async () => {
    const { result, answers } = await deployed([{ ...rule, count: 2 }], {
      [STEP]: async () => [await says(person('bob')), await says(person('bob')), await says(person('eve'))],
    });
    expect(result.outcome).toBe('succeeded');
    expect(answers[0]).toMatchObject([
      { message: expect.stringContaining('1 more is needed') },
      { message: expect.stringContaining('1 more is needed') },
      { message: expect.stringContaining('It goes on') },
    ]);
    expect(approvedIn(result.records)).toHaveLength(3);
  });

  it('lets no way back wait', async () => {
    await deployed([rule], { [STEP]: () => says(person('bob')) });
    expect(await rollback(sessionWith([rule]))).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('who does not consent', () => {
  it('turns the deployment back by saying so, traffic untouched', async () => {
    const { result, answers } = await deployed([rule], {
      [STEP]: () => says(person('bob'), { decision: 'reject', comment: 'not today' }),
    });
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_REJECTED' } });
    expect(result.reason?.message).toContain('not today');
    expect(answers).toMatchObject([{ message: expect.stringContaining('It goes back') }]);
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });

  it('turns it back by saying nothing', async () => {
    const { result } = await deployed([rule]);
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_APPROVAL_TIMEOUT' } });
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });

  it('halts what has moved already, until somebody says otherwise', async () => {
    const retire = { ...rule, before: 'retire' as const };
    const { result } = await deployed([retire], {
      [STEP]: () => says(person('bob'), { decision: 'reject', comment: 'keep it' }),
    });
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_REJECTED' } });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
    await says(person('bob'));
    expect(await resume(sessionWith([retire]))).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('an approval that is refused', () => {
  it.each<[string, Person, Partial<DecisionRequest>, string]>([
    ['of nobody’s approver', person('bob', 'developers'), {}, 'BASCULE_NOT_APPROVER'],
    ['of who asked, also in the approvers’ role', person('tester'), {}, 'BASCULE_OWN_REQUEST'],
    ['for another plan', person('bob'), { plan: 'plan-other' }, 'BASCULE_APPROVAL_OTHER_PLAN'],
    ['for an approval that is not needed', person('bob'), { step: 'other' }, 'BASCULE_NOTHING_TO_APPROVE'],
    [
      'for another deployment',
      person('bob'),
      { deployment: '20200101-000000-0000' },
      'BASCULE_NOTHING_TO_APPROVE',
    ],
  ])('%s is not written', async (_, by, change, code) => {
    const { result, answers } = await deployed([{ ...rule, timeoutSeconds: 30 }], {
      [STEP]: () => refusal(says(by, change)),
    });
    expect(answers).toMatchObject([{ code, exitCode: 2 }]);
    expect(approvedIn(result.records)).toEqual([]);
    expect(result.outcome).toBe('failed');
  });

  it.each<[string, Person, Record<string, unknown>, Record<string, unknown>, string]>([
    ['of nobody’s approver', person('bob', 'developers'), {}, {}, 'BASCULE_NOT_APPROVER'],
    ['of who asked', person('tester'), {}, {}, 'BASCULE_OWN_REQUEST'],
    ['for another plan', person('bob'), { planHash: 'plan-other' }, {}, 'BASCULE_APPROVAL_OTHER_PLAN'],
    ['that has run out', person('bob'), { at: 0 }, {}, 'BASCULE_APPROVAL_EXPIRED'],
    ['in another’s name', person('bob'), {}, { writer: person('eve').userId }, 'BASCULE_APPROVAL_FORGED'],
  ])(
    '%s does not count although it was written, which is recorded once',
    async (_, by, says, stored, code) => {
      const { result } = await deployed([{ ...rule, timeoutSeconds: 30 }], {
        [STEP]: async () => {
          const id = must((await journal.list())[0]);
          const planHash = must((await journal.read(id))[0], 'the opening');
          const approval = {
            ...{
              format: APPROVAL_FORMAT,
              decision: 'approve' as const,
              comment: 'x',
              ...by,
              at: world.clock.now(),
            },
            planHash: planHash.kind === 'opened' ? (planHash.planHash ?? '') : '',
            ...says,
          };
          world.approvals.put(id, 'lead', approval, stored);
        },
      });
      expect(approvedIn(result.records)).toMatchObject([{ ignored: { code } }]);
      expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_APPROVAL_TIMEOUT' } });
    },
  );

  it('is one that ran out while the second was awaited', async () => {
    const { result } = await deployed([{ ...rule, count: 2, expiresAfterSeconds: 100 }], {
      [STEP]: async () => {
        await says(person('bob'));
        await world.clock.wait(100_000);
        await says(person('eve'));
      },
    });
    expect(approvedIn(result.records).map(({ ignored }) => ignored)).toEqual([undefined, undefined]);
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_APPROVAL_TIMEOUT' } });
  });

  it('is one of a deployment that has ended, or goes back', async () => {
    expect(await refusal(says(person('bob')))).toMatchObject({ code: 'BASCULE_NOTHING_TO_APPROVE' });
    const { result } = await deployed([rule]);
    expect(await refusal(says(person('bob'), { deployment: result.deployment }))).toMatchObject({
      code: 'BASCULE_NOTHING_TO_APPROVE',
      message: expect.stringContaining('has ended: failed'),
    });
  });
});

describe('a deployment that is left open where it waits', () => {
  it('lets the environment go, and is gone on with once it is approved', async () => {
    const session = sessionWith([rule]);
    const left = await refusal(deploy(session, { version: '2.0.0', force: false, leaveAtApproval: true }));
    expect(left).toMatchObject({
      code: 'BASCULE_APPROVAL_AWAITED',
      exitCode: 0,
      facts: { approval: 'lead' },
    });
    expect(await leases.read()).toMatchObject({ released: true });
    expect((await world.at().read('green'))?.instances).toHaveLength(2);
    const again = await refusal(resume(sessionWith([rule]), { leaveAtApproval: true }));
    expect(again.code).toBe('BASCULE_APPROVAL_AWAITED');
    await says(person('bob'));
    expect(await resume(sessionWith([rule]), { leaveAtApproval: true })).toMatchObject({
      outcome: 'succeeded',
    });
  });

  it('is not left where the approval was given ahead', async () => {
    const session = sessionWith([rule]);
    whenSaid(session, begins('apply-idle'), () => void says(person('bob')));
    const result = await deploy(session, { version: '2.0.0', force: false, leaveAtApproval: true });
    expect(result).toMatchObject({ outcome: 'succeeded' });
  });

  it('goes back on Ctrl-C as ever', async () => {
    const session = sessionWith([rule]);
    const { result } = deploying(session, { [STEP]: () => Promise.resolve(session.stopNow()) });
    expect(await result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_STOPPED' } });
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });
});

describe('a driver that is gone while it waits', () => {
  async function killed(): Promise<string> {
    const dying = deploying(sessionWith([rule]), {
      [STEP]: () => {
        throw new Error('killed');
      },
    });
    await expect(dying.result).rejects.toThrow('killed');
    await world.clock.wait(120_000);
    return must((await journal.list())[0]);
  }

  it('leaves a deployment that takes up what was approved meanwhile', async () => {
    const id = await killed();
    expect(await says(person('bob'))).toMatchObject({
      taken: null,
      message: expect.stringContaining('`bascule resume test`'),
    });
    expect(await resume(sessionWith([rule]))).toMatchObject({ outcome: 'succeeded', deployment: id });
  });

  it('gives nobody more time to answer', async () => {
    await killed();
    const before = world.clock.now();
    expect(await resume(sessionWith([rule]))).toMatchObject({
      outcome: 'failed',
      reason: { code: 'BASCULE_APPROVAL_TIMEOUT' },
    });
    expect(world.clock.now() - before).toBeLessThan(600_000);
  });

  it('leaves one that can be aborted', async () => {
    await killed();
    expect(await abort(sessionWith([rule]))).toMatchObject({ outcome: 'failed' });
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });

  it('and whose consent has run out before traffic moved waits for it anew', async () => {
    const acts = {
      [STEP]: () => says(person('bob')),
      'hold:eu-west-3': () => {
        throw new Error('killed');
      },
    };
    await expect(deploying(sessionWith([rule]), acts).result).rejects.toThrow('killed');
    await world.clock.wait(3_600_000);
    const again = await resume(sessionWith([rule]));
    expect(again).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_APPROVAL_TIMEOUT' } });
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });
});

describe('a plan that changes', () => {
  it('voids what was approved before, and keeps the rules that it was made with', async () => {
    const canary = {
      approvals: [rule],
      strategy: { kind: 'canary' as const, steps: [{ percent: 5, pauseSeconds: 3600, byHand: false }] },
    };
    const first = sessionOf(world, journal, leases, canary);
    const { result } = deploying(first, {
      [STEP]: () => says(person('bob')),
      'analyse:eu-west-3:5': () => {
        world.at().setWeights('rule-0', { blue: 50, green: 50 });
        return Promise.resolve();
      },
    });
    expect(await result).toMatchObject({ outcome: 'halted' });
    // Who goes on may have a file by now that asks for less.
    const second = sessionOf(world, journal, leases, { ...canary, approvals: [] });
    const answers: Promise<unknown>[] = [];
    whenSaid(second, begins('approve'), () => void answers.push(says(person('eve'))));
    const ended = await resume(second, { accept: true });
    expect(ended.outcome).toBe('succeeded');
    expect(await Promise.all(answers)).toMatchObject([{ taken: { counted: true } }]);
    const hashes = approvedIn(ended.records).map(({ planHash }) => planHash);
    expect(new Set(hashes).size).toBe(2);
    expect(ended.records.find(({ kind }) => kind === 'replanned')).toMatchObject({ planHash: hashes[1] });
  });
});
