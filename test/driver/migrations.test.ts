/** The database in a deployment: expanded once before traffic moves, contracted once when nothing turns back. */
import { beforeEach, describe, expect, it } from 'vitest';
import { renderStatus } from '../../automation/cli/output/tables';
import { deploy } from '../../automation/operations/deploy';
import { events } from '../../automation/operations/history';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import { status } from '../../automation/operations/status';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { MigrationHook } from '../../src/domain/step';
import { allTo } from '../../src/domain/traffic';
import type { LocalCommand } from '../../src/ports';
import { begins, deploymentOf, livePlace, productionWrites, whenSaid } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import { DeadlyJournal } from '../support/kill-switch';
import { MemoryEnvironmentLog, type MemoryJournal, type MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

const REGIONS = ['eu-west-3', 'eu-central-1'];
const BLUE = Array(4).fill(allTo('blue'));
const GREEN = Array(4).fill(allTo('green'));

const hook = (change: Partial<MigrationHook> = {}): MigrationHook => ({
  command: ['migrate', '--all'],
  on: 'local',
  timeoutSeconds: 900,
  repeatable: true,
  ...change,
});

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;
let log: MemoryEnvironmentLog;
/** Each command that ran, as `phase version`. */
const ran = (): string[] => world.localRuns.map(phaseOf);

function phaseOf({ environment }: LocalCommand): string {
  return `${environment['BASCULE_MIGRATE_PHASE']} ${environment['BASCULE_VERSION']}`;
}

function begin(regions?: string[]): void {
  ({ world, journal, leases } = livePlace({ regions }));
  log = new MemoryEnvironmentLog(world.clock);
}

beforeEach(() => begin());

const both = { expand: hook(), contract: hook() };

function session(migrate: DeploymentPolicy['migrate'] = both): TestSession {
  return { ...sessionOf(world, journal, leases, migrate === undefined ? {} : { migrate }), log };
}

const deployed = (version: string, one = session()) => deploymentOf(one, { version });

/** Lets a command of one phase end in some way; others end well. */
function ends(phase: string, how: Awaited<ReturnType<FakeWorld['localEnds']>>): void {
  const well = { ending: { kind: 'exited' as const, code: 0 }, output: '' };
  world.localEnds = (order) =>
    Promise.resolve(order.environment['BASCULE_MIGRATE_PHASE'] === phase ? how : well);
}

const exited = (code: number, output = '') => ({ ending: { kind: 'exited' as const, code }, output });

describe('migrations', () => {
  it('run once for all regions: expand before any traffic moves, contract after the soak of each', async () => {
    begin(REGIONS);
    world.schemas.set('2.0.0', '3-4');
    const seen: unknown[] = [];
    world.localEnds = () => {
      seen.push(REGIONS.map((region) => world.at(region).weightsOf('production')));
      return Promise.resolve(exited(0, 'one\n\ntwo\n'));
    };
    const result = await deployed('2.0.0');
    expect(result.outcome).toBe('succeeded');
    expect(ran()).toEqual(['expand 2.0.0', 'contract 2.0.0']);
    expect(seen).toEqual([
      [BLUE, BLUE],
      [GREEN, GREEN],
    ]);
    expect(world.localRuns[0]).toEqual({
      command: ['migrate', '--all'],
      timeoutSeconds: 900,
      environment: {
        BASCULE_MIGRATE_PHASE: 'expand',
        BASCULE_MIGRATE_FROM: '3',
        BASCULE_MIGRATE_TO: '4',
        BASCULE_VERSION: '2.0.0',
        BASCULE_FORMER_VERSION: '1.0.0',
        BASCULE_ENVIRONMENT: 'test',
        BASCULE_DEPLOYMENT: result.deployment,
        BASCULE_REGION: 'eu-west-3',
      },
    });
    const told = story(result.records);
    const at = (what: string): number => told.indexOf(what);
    expect(at('verified health-gate:eu-west-3')).toBeLessThan(at('started expand:eu-west-3'));
    expect(at('verified expand:eu-west-3')).toBeLessThan(at('started hold:eu-west-3'));
    expect(at('verified release:eu-central-1')).toBeLessThan(at('started contract:eu-west-3'));
    expect(result.state.steps['expand:eu-west-3']?.facts).toEqual({ output: 'one\ntwo' });
  });

  it('run on a healthy instance of the new release where they are told to', async () => {
    const one = session({ expand: hook({ on: 'instance' }) });
    const { deployment, state } = await deployed('2.0.0', one);
    const { startedAt, facts } = state.steps['expand:eu-west-3'] ?? {};
    const name = `bascule ${deployment} expand:eu-west-3 ${startedAt?.toString(36)}`;
    expect(world.machineRuns).toEqual([`eu-west-3 ${facts?.['instance']} ${name}`]);
    const green = (await world.at().read('green'))?.instances.map(({ id }) => id);
    expect(green).toContain(facts?.['instance']);
    expect(world.localRuns).toEqual([]);
  });

  it('that fail to expand turn back, with no request moved', async () => {
    ends('expand', exited(7, 'adding a column\nno such table\n'));
    const result = await deployed('2.0.0');
    expect(result).toMatchObject({
      outcome: 'failed',
      reason: { code: 'BASCULE_MIGRATION_FAILED', details: ['| adding a column', '| no such table'] },
    });
    expect(result.message).toContain('migrate --all exited with 7');
    expect(productionWrites(world.at())).toEqual([]);
    expect(ran()).toEqual(['expand 2.0.0']);
    expect((await status(session())).database).toBeNull();
  });

  it('that fail to contract halt with the release live, and are run anew when a person goes on', async () => {
    world.schemas.set('2.0.0', '3-4');
    ends('contract', { ending: { kind: 'timed-out' }, output: '' });
    const result = await deployed('2.0.0');
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_MIGRATION_FAILED' } });
    expect(result.message).toContain('did not end within 900 s');
    expect(world.at().weightsOf('production')).toEqual(GREEN);
    // It may have taken away some of it: there is no way back past it, neither by abort nor by rollback.
    expect(await refusal(abort(session()))).toMatchObject({ code: 'BASCULE_TOO_LATE' });
    expect(await refusal(rollback(session()))).toMatchObject({ code: 'BASCULE_PAST_CONTRACT' });
    ends('contract', exited(0));
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual(['expand 2.0.0', 'contract 2.0.0', 'contract 2.0.0']);
    expect((await log.read()).map(({ kind }) => kind)).toEqual(['expanded', 'contracted']);
  });

  it('that could not begin to contract leave the way back open', async () => {
    ends('contract', { ending: { kind: 'not-started', reason: 'ENOENT' }, output: '' });
    expect(await deployed('2.0.0')).toMatchObject({ outcome: 'halted' });
    expect(await rollback(session())).toMatchObject({ outcome: 'succeeded' });
    expect(world.at().weightsOf('production')).toEqual(BLUE);
  });
});

describe('a request to stop while a migration runs', () => {
  it('lets it end; the deployment goes back after it', async () => {
    const one = session();
    world.localEnds = (_, signal) => {
      one.stopNow();
      return Promise.resolve(signal.aborted ? exited(1) : exited(0));
    };
    const result = await deployed('2.0.0', one);
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_STOPPED' } });
    expect(story(result.records)).toContain('verified expand:eu-west-3');
  });

  it('a second time ends it, and halts with that in the journal', async () => {
    const one = session();
    world.localEnds = (_, signal) => {
      one.stopNow();
      one.insistNow();
      return Promise.resolve({
        ending: { kind: 'killed', signal: 'SIGTERM' },
        output: signal.aborted ? 'half' : '',
      });
    };
    const result = await deployed('2.0.0', one);
    expect(result).toMatchObject({
      outcome: 'halted',
      reason: { code: 'BASCULE_MIGRATION_ENDED', details: ['| half'] },
    });
    expect(world.at().weightsOf('production')).toEqual(BLUE);
    world.localEnds = () => Promise.resolve(exited(0));
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('a migration whose process was killed before its result was recorded', () => {
  /** Dies once the command has ended and before that is written: with `started` as the last record. */
  async function killedIn(phase: string, migrate: DeploymentPolicy['migrate']): Promise<void> {
    const whole = story((await withFresh(() => deployed('2.0.0', session(migrate)))).records);
    const dying = session(migrate);
    const at = whole.indexOf(`ran ${phase}:eu-west-3`) + 1;
    const died = deploy(
      { ...dying, journal: new DeadlyJournal(journal, at, 'before') },
      { version: '2.0.0', force: false },
    );
    await expect(died).rejects.toThrow(/killed/);
    world.localRuns = [];
  }

  async function withFresh<T>(work: () => Promise<T>): Promise<T> {
    const result = await work();
    begin();
    return result;
  }

  it('is run again by whoever goes on, where it may be', async () => {
    await killedIn('contract', both);
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual(['contract 2.0.0']);
    expect((await log.read()).filter(({ kind }) => kind === 'contracted')).toHaveLength(1);
  });

  it('is not repeated unasked where it may not be, and is once a person was told', async () => {
    const once = { expand: hook({ repeatable: false }) };
    await killedIn('expand', once);
    const halted = await resume(session(once));
    expect(halted).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_MIGRATION_UNKNOWN' } });
    expect(ran()).toEqual([]);
    expect(await resume(session(once))).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual(['expand 2.0.0']);
  });

  it('is taken as done where a person saw to the database by hand', async () => {
    const one = { expand: hook({ repeatable: false }), contract: hook() };
    await killedIn('expand', one);
    ends('contract', { ending: { kind: 'not-started', reason: 'ENOENT' }, output: '' });
    const expanded = await resume(session(one), { migrated: true });
    expect(expanded).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_MIGRATION_FAILED' } });
    expect(await resume(session(one), { migrated: true })).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual(['contract 2.0.0']);
    expect((await log.read()).map(({ kind }) => kind)).toEqual([
      'expanded',
      'contracted',
      'notContracted',
      'contracted',
    ]);
  });

  it('must be there to be taken as done', async () => {
    await killedIn('expand', both);
    await resume(session(), { migrated: true });
    const one = session({});
    whenSaid(one, begins('soak'), () => one.stopNow());
    expect(await deployed('3.0.0', one)).toMatchObject({ outcome: 'halted' });
    expect(await refusal(resume(session(), { migrated: true }))).toMatchObject({
      code: 'BASCULE_NO_MIGRATION',
      exitCode: 2,
    });
  });

  it('can be gone back from while it only expands, and no more when it contracts', async () => {
    await killedIn('expand', both);
    expect(await abort(session())).toMatchObject({ outcome: 'failed' });
    begin();
    await killedIn('contract', both);
    expect(await refusal(abort(session()))).toMatchObject({ code: 'BASCULE_TOO_LATE' });
    expect(world.at().weightsOf('production')).toEqual(GREEN);
  });
});

describe('a plan that is made anew', () => {
  it('while the database is expanded already runs nothing twice', async () => {
    const one = whenSaid(session(), begins('soak'), () =>
      world.at().setWeights('rule-1', { blue: 30, green: 70 }),
    );
    expect(await deployed('2.0.0', one)).toMatchObject({ reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual(['expand 2.0.0', 'contract 2.0.0']);
  });

  it('after the contract keeps it as it ended', async () => {
    const one = session({ ...both, contract: hook({ repeatable: false }) });
    ends('contract', exited(1));
    await deployed('2.0.0', one);
    world.at().byHand('green', { maximum: 9 });
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'halted' });
    ends('contract', exited(0));
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    expect(ran()).toEqual(['expand 2.0.0', 'contract 2.0.0', 'contract 2.0.0', 'contract 2.0.0']);
  });
});

describe('a release and the database', () => {
  it('that was contracted past it is not gone back to, with the ranges and who did it', async () => {
    world.schemas.set('1.0.0', '1-2').set('2.0.0', '3-4');
    const { deployment } = await deployed('2.0.0');
    const error = await refusal(rollback(session()));
    expect(error).toMatchObject({ code: 'BASCULE_PAST_CONTRACT', exitCode: 2 });
    for (const part of ['1.0.0 works with schema 1-2', deployment, '2.0.0', 'schema 3-4', '2026-01-01T'])
      expect(error.message).toContain(part);
    expect(await refusal(deployed('1.0.0'))).toMatchObject({ code: 'BASCULE_SCHEMA_MISMATCH', exitCode: 2 });
    expect(await journal.list()).toHaveLength(1);
    expect(world.at().weightsOf('production')).toEqual(GREEN);
  });

  it('that has what both need is gone back to', async () => {
    world.schemas.set('1.0.0', '1-3').set('2.0.0', '3-4');
    await deployed('2.0.0');
    expect(await rollback(session())).toMatchObject({ outcome: 'succeeded', plan: { version: '1.0.0' } });
    expect(ran()).toEqual(['expand 2.0.0', 'contract 2.0.0']);
  });

  it('is not gone back to without a declaration once another release was contracted for', async () => {
    await deployed('2.0.0');
    const error = await refusal(rollback(session()));
    expect(error).toMatchObject({ code: 'BASCULE_PAST_CONTRACT' });
    expect(error.message).toContain('1.0.0 declares no schema range');
    // What was deployed since works with what is there; and nothing is known against what never was before.
    const none = session({});
    await deployed('3.0.0', none);
    expect(await rollback(none)).toMatchObject({ outcome: 'succeeded', plan: { version: '2.0.0' } });
    expect(await refusal(deployed('1.0.0', none))).toMatchObject({ code: 'BASCULE_PAST_CONTRACT' });
  });

  it('is refused when it needs more than there is and does not expand it', async () => {
    world.schemas.set('2.0.0', '3-4').set('3.0.0', '6-7');
    await deployed('2.0.0');
    const error = await refusal(deployed('3.0.0', session({})));
    expect(error).toMatchObject({ code: 'BASCULE_SCHEMA_MISMATCH', exitCode: 2 });
    expect(error.message).toContain('expanded to 4 only');
    expect(await deployed('3.0.0')).toMatchObject({ outcome: 'succeeded' });
  });

  it('stands in the status and in the history', async () => {
    world.schemas.set('2.0.0', '3-4');
    const { deployment } = await deployed('2.0.0');
    const now = await status(session());
    expect(now.database).toMatchObject({
      schema: { from: 3, to: 4 },
      contract: { deployment, version: '2.0.0' },
    });
    expect(renderStatus(now)).toContain('Database: schema 3 to 4, contracted last for 2.0.0 by');
    expect((await events(session(), 5)).map(({ what }) => what)).toEqual([
      `database contracted for 2.0.0 (schema 3-4) by deployment ${deployment}`,
      `database expanded for 2.0.0 (schema 3-4) by deployment ${deployment}`,
    ]);
  });
});
