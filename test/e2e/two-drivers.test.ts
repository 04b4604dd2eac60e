/** Two drivers started at once, many times: exactly one deploys, and the other is told who holds the environment. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { resume } from '../../automation/operations/resume';
import type { Session } from '../../automation/operations/session';
import { S3Journal } from '../../src/adapters/journal';
import { S3Leases } from '../../src/adapters/leases';
import { Objects } from '../../src/adapters/objects';
import type { BasculeError } from '../../src/domain/errors';
import type { JournalRecord } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import { allTo } from '../../src/domain/traffic';
import type { Program } from '../support/command-line';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { ENVIRONMENT } from '../support/e2e-project';
import { FakeWorld } from '../support/fake-world';
import { sessionOf, story } from '../support/session';
import { HandClock } from '../support/store-conformance';
import { must } from '../support/until';

/** Rounds in one process each pair, over the real bucket. */
const RACES = 40;
/** Rounds of real processes, each a whole deployment. */
const ROUNDS = 4;
/** Where both drivers are killed: when the first step was begun, when the stack was applied, when traffic moves. */
const KILLED_AT = [/\]…$/m, /test listener to/, /cutover of/];

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service, (settings) => {
    // The race is at the beginning; what comes after it is kept short.
    Object.assign(settings.deployment.healthGate, { consecutive: 1, intervalSeconds: 0.2 });
    settings.deployment.smoke.requests = [];
    settings.deployment.soakSeconds = 0;
  });
  await live.bake('2.0.0', apps.service);
  await live.bake('3.0.0', apps.service);
});

afterAll(() => live?.dispose());

/** Holds each driver at its first record until every other one is there as well or has ended. */
class StartingLine {
  private arrived = 0;
  private open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => (this.open = resolve));

  constructor(private readonly drivers: number) {}

  pass(): Promise<void> {
    this.leave();
    return this.opened;
  }

  leave(): void {
    this.arrived += 1;
    if (this.arrived >= this.drivers) this.open();
  }
}

/** An environment of its own in the real bucket, before a world in memory. */
class Race {
  readonly world = new FakeWorld();
  readonly clock = new HandClock(Date.now());
  readonly journal: S3Journal;
  private drivers = 0;

  constructor(readonly name: string) {
    this.world.runs('blue', '1.0.0');
    this.journal = new S3Journal(this.objects(), name);
  }

  private objects(): Objects {
    return new Objects(live.s3(), live.info.bucket);
  }

  driver(user: string, line: StartingLine, dies = (_record: JournalRecord) => false): Session {
    const journal = new S3Journal(this.objects(), this.name);
    const append = journal.append.bind(journal);
    let waits = true;
    journal.append = async (record) => {
      if (waits) await line.pass();
      waits = false;
      if (dies(record)) throw new Error('killed');
      return append(record);
    };
    const leases = new S3Leases(this.objects(), this.name, this.clock);
    const session = sessionOf(this.world, journal, leases);
    // Both run on this machine: whoever is refused sees that the other one lives, and need not wait for its lease.
    this.drivers += 1;
    const holder = { ...session.holder, user, pid: this.drivers };
    return { ...session, holder, sightOf: () => 'running' };
  }

  /** Lets two drivers begin the same instant; how each of them ended. */
  async run(work: readonly ((line: StartingLine) => Promise<unknown>)[]) {
    const line = new StartingLine(work.length);
    return Promise.allSettled(work.map((one) => one(line).finally(() => line.leave())));
  }

  async records(): Promise<JournalRecord[]> {
    const ids = await this.journal.list();
    expect(ids).toHaveLength(1);
    return this.journal.read(must(ids[0]));
  }
}

function refusals(ends: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
}

/** Exactly one went on, and the other was told so; who went on. */
function expectOne(
  ends: readonly PromiseSettledResult<unknown>[],
  users: readonly [string, string],
  round: number,
) {
  const [refusal, ...more] = refusals(ends);
  expect(more.map(String), `round ${round}, beside ${String(refusal)}`).toEqual([]);
  const won = users[ends[0]?.status === 'fulfilled' ? 0 : 1];
  expect(refusal, `round ${round}`).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
  expect((refusal as BasculeError).message).toContain(`is held by ${won} on `);
  return won;
}

describe('drivers in one process, over the real bucket', () => {
  test(`${RACES} times: one deploys, the other is told who does`, async () => {
    for (let round = 0; round < RACES; round += 1) {
      const race = new Race(`race-${round}`);
      const ends = await race.run([
        (line) => deploy(race.driver('ann', line), { version: '2.0.0', force: false }),
        (line) => deploy(race.driver('bob', line), { version: '3.0.0', force: false }),
      ]);
      const version = expectOne(ends, ['ann', 'bob'], round) === 'ann' ? '2.0.0' : '3.0.0';
      const { plan, closed } = replay(await race.records());
      expect({ version: plan.version, outcome: closed?.outcome }).toEqual({ version, outcome: 'succeeded' });
      expect(new Set(race.world.applied.map((one) => one.version))).toEqual(new Set([version]));
      expect(race.world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
    }
  });

  test(`${RACES / 4} times, when the one that won was killed: one of two that resume goes on`, async () => {
    for (let round = 0; round < RACES / 4; round += 1) {
      const race = new Race(`taken-over-${round}`);
      const dies = (record: JournalRecord) => record.sequence === 1 + (round % 12);
      const killed = await race.run([
        (line) => deploy(race.driver('ann', line, dies), { version: '2.0.0', force: false }),
        (line) => deploy(race.driver('bob', line, dies), { version: '3.0.0', force: false }),
      ]);
      expect(refusals(killed)).toHaveLength(2);
      const before = await race.records();
      race.clock.pass(120_000);
      const ends = await race.run([
        (line) => resume(race.driver('cleo', line)),
        (line) => resume(race.driver('dan', line)),
      ]);
      expectOne(ends, ['cleo', 'dan'], round);
      const records = await race.records();
      expect(records.slice(0, before.length)).toEqual(before);
      expect(story(records).filter((line) => line === 'resumed')).toHaveLength(1);
      expect(must(records.at(-1)).fence).toBeGreaterThan(must(before.at(-1)).fence);
      expect(replay(records).closed?.outcome).toBe('succeeded');
    }
  });
});

/** Starts both, lets the one that won stand still until the other has ended, and then go on. */
async function atOnce(first: string[], second: string[]) {
  const programs = [live.begin(...first), live.begin(...second)];
  const opened = programs.map((program) => program.says(/ steps\)$/m).then(() => program));
  const winner = await Promise.any(opened);
  winner.signal('SIGSTOP');
  const loser = must(programs.find((program) => program !== winner));
  const refused = await live.answerOf(loser);
  winner.signal('SIGCONT');
  return { winner, refused };
}

function expectNamed(
  refused: { exitCode: number | null; stderr: string; json: { error?: { message: string } } },
  winner: Program,
) {
  expect(refused.exitCode, JSON.stringify(refused.json)).toBe(6);
  expect(refused.json.error).toMatchObject({ code: 'BASCULE_HELD' });
  expect(refused.json.error?.message).toContain(`(process ${winner.pid})`);
}

describe('real processes', () => {
  /** The release that is live; each round brings another one. */
  let serving = '1.0.0';
  const others = () => ['1.0.0', '2.0.0', '3.0.0'].filter((version) => version !== serving);

  async function expectSuccess(winner: Program): Promise<string> {
    const answer = await live.answerOf(winner);
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
    serving = must(answer.json.to);
    return must(answer.json.deployment);
  }

  test(`${ROUNDS} times: one deploys or rolls back, the other ends with 6`, async () => {
    const ids = await deployments();
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, two] = others();
      const rival = round % 2 === 0 || serving === '1.0.0' ? deployTo(must(two)) : ['rollback', ENVIRONMENT];
      const { winner, refused } = await atOnce(deployTo(must(one)), rival);
      expectNamed(refused, winner);
      ids.push(await expectSuccess(winner));
      expect(await deployments()).toEqual(ids);
    }
    expect(soleColour(await live.forwards())).toBeDefined();
    expectRisingFences(await Promise.all(ids.map((id) => live.journal(id))));
  });

  test.each(KILLED_AT)('killed both, at %s: of two that resume at once one goes on', async (where) => {
    const [one, two] = others();
    const ids = await deployments();
    const drivers = [live.begin(...deployTo(must(one))), live.begin(...deployTo(must(two)))];
    await Promise.any(drivers.map((driver) => driver.says(where)));
    for (const driver of drivers) driver.signal('SIGKILL');
    await Promise.all(drivers.map((driver) => driver.ended));
    const { winner, refused } = await atOnce(['resume', ENVIRONMENT], ['resume', ENVIRONMENT]);
    expectNamed(refused, winner);
    const id = await expectSuccess(winner);
    expect(await deployments()).toEqual([...ids, id]);
    const records = await live.journal(id);
    expect(story(records).filter((line) => line === 'resumed')).toHaveLength(1);
    expect(records.map(({ fence }) => fence)).toEqual(
      records.map(({ fence }) => fence).sort((low, high) => low - high),
    );
    expect(must(records.at(-1)).fence).toBeGreaterThan(must(records[0]).fence);
  });
});

function deployTo(version: string): string[] {
  return ['deploy', ENVIRONMENT, '--version', version];
}

/** The ids of all deployments, oldest first. */
async function deployments(): Promise<string[]> {
  type Deployments = { deployments: { deployment: string }[] };
  const found = await live.succeeds<Deployments>('history', ENVIRONMENT, '--limit', '1000');
  return found.json.deployments.map(({ deployment }) => deployment).reverse();
}

/** Each deployment has a fencing number of its own, higher than all before it. */
function expectRisingFences(journals: readonly JournalRecord[][]): void {
  const fences = journals.map((records) => new Set(records.map((record) => record.fence)));
  const numbers = fences.map((of) => must([...of][0]));
  expect(fences.every((of) => of.size === 1)).toBe(true);
  expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
}
