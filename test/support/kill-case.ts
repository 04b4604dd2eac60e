/** One case: a run that is killed at a point, what goes on with it from another machine, and what became of it all. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord } from '../../src/domain/records';
import { PASS, type AwsCall, type Caller } from './aws-proxy';
import type { Answer } from './command-line';
import { ENVIRONMENT } from './e2e-project';
import type { KillHarness, Recording } from './kill-harness';
import { nameOfWrite, wayOnOf, WriteNames, type KillPoint } from './kill-points';
import { killAll, processesOf } from './kill-processes';
import { prepare, rolesOf, type Scenario } from './kill-scenarios';
import { flawsOf } from './kill-story';
import {
  deploymentsOf,
  differences,
  isMoving,
  liveColour,
  mixed,
  worldOf,
  type Roles,
  type WorldLines,
} from './kill-world';
import { until } from './until';

export interface Verdict {
  point: KillPoint;
  /** `absent`: the run ended without making this write. */
  kind: 'survived' | 'flawed' | 'absent';
  /** How it went on. */
  what: string;
  flaws: string[];
  /** Of the whole case; `killed` and `onward` are the two runs in it. */
  seconds: { whole: number; killed: number; onward: number };
}

/** Draining, terminations and health checks come to their ends within it. */
const SETTLED_SECONDS = 60;
/** What neither changes nor is about to for this long stays as it is. */
const STILL_SECONDS = 6;

/** Kills at the point, goes on from another machine, and says what is wrong with the end. */
export async function strike(
  harness: KillHarness,
  scenario: Scenario,
  recording: Recording,
  point: KillPoint,
): Promise<Verdict> {
  const { live, load } = harness;
  const times = [Date.now()];
  const verdict = (kind: Verdict['kind'], what: string, flaws: string[]): Verdict => {
    const between = (from: number, to = Date.now()): number => Math.round((to - from) / 100) / 10;
    const [began = 0, ready = 0, dead = 0, ended = Date.now()] = times;
    const seconds = { whole: between(began), killed: between(ready, dead), onward: between(dead, ended) };
    return { point, kind, what, flaws, seconds };
  };
  await prepare(harness, scenario.start);
  const { roles, target } = await rolesOf(live, scenario);
  const before = await worldOf(live, roles);
  const known = await deploymentsOf(live);
  const failures = await load.failures();
  const mark = randomUUID();
  times.push(Date.now());
  const killed = await runUntilKilled(harness, scenario, target, { point, mark });
  times.push(Date.now());
  if (killed !== 'killed') return verdict('absent', `the run ended with ${killed}`, []);
  const journal = async (): Promise<JournalRecord[]> => {
    const [deployment] = (await deploymentsOf(live)).filter((id) => !known.includes(id));
    return deployment === undefined ? [] : live.journal(deployment);
  };
  const interrupted = await journal();
  const onward = await goOn(harness, scenario, target, { point, mark, records: interrupted });
  times.push(Date.now());
  const records =
    interrupted.length === 0 ? [] : await live.journal((interrupted[0] as JournalRecord).deployment);
  const allowed = onward.aborted
    ? afterAbort(recording, before, { regions: live.regions, records })
    : [recording.succeeded];
  const flaws = [
    ...onward.flaws,
    ...(await worldFlaws(harness, allowed, roles)),
    ...(await processFlaws(mark)),
    ...(records.length === 0 ? [] : await storyFlaws(harness, records, onward.continuations)),
    ...(await load.since(failures)),
  ];
  return verdict(flaws.length === 0 ? 'survived' : 'flawed', onward.what, flaws);
}

/** @returns `killed`, or how the run ended without coming to the point */
async function runUntilKilled(
  harness: KillHarness,
  scenario: Scenario,
  target: string,
  { point, mark }: { point: KillPoint; mark: string },
): Promise<string> {
  const { proxy, live } = harness;
  const names = new WriteNames(await liveColour(live));
  let meant: AwsCall | undefined;
  let struck: Promise<void> | undefined;
  const kill = async (caller: Caller): Promise<void> => {
    await killAll(mark, point.victim);
    // A killed caller's end of the connection closes with it; the news is in the queue of this process.
    for (let looks = 0; looks < 20 && !caller.gone(); looks += 1) await delay(5);
  };
  proxy.onBefore = async (call, caller) => {
    if (!call.write || meant !== undefined) return PASS;
    if (nameOfWrite(names.next(call)) !== nameOfWrite(point)) return PASS;
    meant = call;
    if (point.moment === 'after') return PASS;
    await (struck = kill(caller));
    return caller.gone() ? { kind: 'reset-before' } : PASS;
  };
  proxy.onAfter = async (call, caller) => {
    if (call === meant && point.moment === 'after') await (struck = kill(caller));
    return PASS;
  };
  const { exitCode, stderr } = await (
    await harness.begin(scenario.command(target), mark, scenario.change)
  ).ended;
  await struck;
  proxy.onBefore = proxy.onAfter = () => PASS;
  return struck === undefined ? `${exitCode}: ${stderr.slice(-500)}` : 'killed';
}

interface Onward {
  what: string;
  aborted: boolean;
  continuations: number;
  flaws: string[];
}

/** What a person does next, from another machine: resume or abort; where nothing is open, unlock, and begin again. */
async function goOn(
  harness: KillHarness,
  scenario: Scenario,
  target: string,
  { point, mark, records }: { point: KillPoint; mark: string; records: readonly JournalRecord[] },
): Promise<Onward> {
  const way = wayOnOf(point);
  const answer = await harness.run([way, ENVIRONMENT], mark);
  if (records.length > 0 && records.at(-1)?.kind !== 'closed') {
    const flaws = exitFlaws(way, answer, way === 'resume' ? [0] : [3, 4]);
    return { what: way, aborted: way === 'abort', continuations: 1, flaws };
  }
  const code = answer.json.error?.code;
  const unlocked = exitFlaws('unlock', await harness.run(['unlock', ENVIRONMENT], mark), [0]);
  const flaws = [...(code === 'BASCULE_NOTHING_OPEN' ? [] : exitFlaws(way, answer, [])), ...unlocked];
  if (records.length > 0) return { what: 'had ended', aborted: false, continuations: 0, flaws };
  const again = exitFlaws(
    'the same command again',
    await harness.run(scenario.command(target), mark, scenario.change),
    [0],
  );
  return { what: 'had not begun', aborted: false, continuations: 0, flaws: [...flaws, ...again] };
}

/**
 * The fleet is down again if it was brought up; until that is recorded nothing may have happened yet. The recording
 * turned back in the first region: what it left there is what is left in each that a deployment came to.
 */
function afterAbort(
  recording: Recording,
  before: WorldLines,
  { regions, records }: { regions: readonly string[]; records: readonly JournalRecord[] },
): WorldLines[] {
  const [first = ''] = regions;
  return regions.reduce<WorldLines[]>(
    (worlds, region) => {
      const applied = records.some(
        (record) => record.kind === 'ran' && record.step.startsWith(`apply-idle:${region}`),
      );
      const ofFirst = recording.turnedBack.filter((line) => line.includes(first));
      const turnedBack = ofFirst.map((line) => line.replaceAll(first, region));
      const left = applied ? [turnedBack] : [turnedBack, before];
      return worlds.flatMap((world) => left.map((one) => mixed(world, one, [region])));
    },
    [recording.turnedBack],
  );
}

/** Looks until the world is as allowed, or stands still and is not. */
async function worldFlaws(harness: KillHarness, allowed: WorldLines[], roles: Roles): Promise<string[]> {
  let flaws: string[] = [];
  let last = '';
  let stillSince = Date.now();
  const look = async (): Promise<boolean> => {
    const found = await worldOf(harness.live, roles).catch((thrown: unknown) => [String(thrown)]);
    const [least = []] = allowed.map((one) => differences(one, found)).sort((a, b) => a.length - b.length);
    flaws = least;
    if (found.join() !== last || isMoving(found)) stillSince = Date.now();
    last = found.join();
    return least.length === 0 || Date.now() - stillSince > STILL_SECONDS * 1000;
  };
  await until(look, Boolean, SETTLED_SECONDS).catch(() => undefined);
  return flaws.map((flaw) => `world: ${flaw}`);
}

async function processFlaws(mark: string): Promise<string[]> {
  let left = await processesOf(mark);
  const look = async () => (left = await processesOf(mark));
  await until(look, ({ length }) => length === 0, 5).catch(() => undefined);
  await killAll(mark, 'machine');
  return left.map(({ role, command }) => `process: a ${role} is left over: ${command.slice(0, 160)}`);
}

async function storyFlaws(
  harness: KillHarness,
  records: readonly JournalRecord[],
  continuations: number,
): Promise<string[]> {
  const deployment = records[0]?.deployment ?? '';
  const told = await harness.run(['history', ENVIRONMENT, '--deployment', deployment]);
  return [...flawsOf(records, continuations), ...exitFlaws('history', told, [0])];
}

function exitFlaws(what: string, answer: Answer, allowed: number[]): string[] {
  if (allowed.includes(answer.exitCode ?? -1)) return [];
  const tail = answer.stderr.trim().split('\n').slice(-12).join('\n    ');
  const { error, reason, message } = answer.json;
  const said = `${error?.code ?? reason?.code ?? ''} ${error?.message ?? message ?? ''}`;
  return [`${what} ended with ${answer.exitCode}: ${said}\n    ${tail}`];
}
