/**
 * Deployments and rollbacks through an AWS that throttles, fails, hangs up and loses answers, under load. Whatever
 * comes of the run, a fresh process brings it to its end, and nothing is broken, lost or left over.
 *
 * `npm test` plays ten seeds; BASCULE_NIGHTLY=1 two hundred others. One alone: BASCULE_SEED=17, or
 * several: BASCULE_SEED=17-20.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JournalRecord } from '../../src/domain/records';
import { startAwsProxy, PASS, type AwsProxy } from '../support/aws-proxy';
import type { Answer } from '../support/command-line';
import { apps, LiveEnvironment } from '../support/e2e';
import { ENVIRONMENT } from '../support/e2e-project';
import { Weather } from '../support/fault-weather';
import { flawsOf } from '../support/kill-story';
import { deploymentsOf, worldOf } from '../support/kill-world';
import { must, until } from '../support/until';

const { BASCULE_NIGHTLY, BASCULE_SEED } = process.env;

/** Other seeds every night, the same ones every time in CI. */
function seeds(): number[] {
  if (BASCULE_SEED !== undefined) {
    const [first = NaN, last = first] = BASCULE_SEED.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  }
  if (BASCULE_NIGHTLY !== '1') return Array.from({ length: 10 }, (_, index) => index);
  const first = 1000 * Math.floor(Date.now() / 86_400_000);
  return Array.from({ length: 200 }, (_, index) => first + index);
}

let live: LiveEnvironment;
let proxy: AwsProxy;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service);
  proxy = await startAwsProxy(live.info.endpoint);
  await live.bake('2.0.0', apps.service);
}, 300_000);

afterAll(async () => {
  await proxy?.close();
  await live?.dispose();
});

const liveVersion = async (): Promise<string> => {
  const answer = await fetch(await live.url(), { headers: { connection: 'close' } });
  await answer.arrayBuffer();
  return must(answer.headers.get('x-version'), 'the version that answers');
};

interface Order {
  command: string[];
  from: string;
  to: string;
  /** The deployments that there were before. */
  known: string[];
}

/** The command that a seed is about: even ones deploy 2.0.0 over 1.0.0, odd ones go back from it. */
async function prepare(seed: number): Promise<Order> {
  const [from, to] = seed % 2 === 0 ? (['1.0.0', '2.0.0'] as const) : (['2.0.0', '1.0.0'] as const);
  if ((await liveVersion()) !== from) await live.succeeds('deploy', ENVIRONMENT, '--version', from);
  const command = seed % 2 === 0 ? ['deploy', ENVIRONMENT, '--version', to] : ['rollback', ENVIRONMENT];
  return { command, from, to, known: await deploymentsOf(live) };
}

/** The journal of what was begun since then; empty when nothing was. */
async function newJournal({ known }: Order): Promise<JournalRecord[]> {
  const begun = (await deploymentsOf(live)).filter((id) => !known.includes(id));
  if (begun.length > 1) throw new Error(`${begun.length} journals of one deployment`);
  return begun[0] === undefined ? [] : live.journal(begun[0]);
}

async function throughThe(weather: Weather, command: string[]): Promise<Answer> {
  [proxy.onBefore, proxy.onAfter] = [weather.before, weather.after];
  live.through(proxy);
  try {
    return await live.run(...command);
  } finally {
    live.through();
    proxy.onBefore = proxy.onAfter = () => PASS;
  }
}

interface Course {
  told: string;
  flaws: string[];
  /** The release that has to be live now. */
  version: string;
  continuations: number;
}

function reasonOf({ json }: Answer): { code: string; words: string } {
  const { code = '', message = '', details = [] } = json.error ?? json.reason ?? {};
  return { code, words: [message, ...details].join('\n  ') };
}

/** What the run ended with, and if that is no end, what a fresh process makes of it. */
async function course(weather: Weather, order: Order): Promise<Course> {
  const { command, from, to } = order;
  const answer = await throughThe(weather, command);
  const { code, words } = reasonOf(answer);
  const first = `${command.join(' ')} ended with ${answer.exitCode} ${code}`;
  if (answer.exitCode === 0) return { told: first, flaws: [], version: to, continuations: 0 };
  const flaws = code.startsWith('BASCULE_AWS_') ? [] : [`AWS’s silence counted as something else: ${words}`];
  const last = (await newJournal(order)).at(-1);
  // Cut off before its first record, or after its last.
  if (last === undefined || last.kind === 'closed') {
    // Without credentials it could not give its lease back; a person need not wait for its end.
    if ((await live.status()).holder !== null) await live.succeeds('unlock', ENVIRONMENT);
    return { told: first, flaws, version: last?.outcome === 'succeeded' ? to : from, continuations: 0 };
  }
  const way = weather.draw('way on') < 0.5 ? 'resume' : 'abort';
  const onward = await live.run(way, ENVIRONMENT);
  const told = `${first}, ${way} with ${onward.exitCode} ${onward.json.outcome ?? ''}`;
  const fine = way === 'resume' ? [0] : [3, 4];
  if (!fine.includes(must(onward.exitCode))) flaws.push(`${way}: ${onward.stderr}${onward.stdout}`);
  return { told, flaws, version: way === 'resume' ? to : from, continuations: 1 };
}

/** What must not be there after any deployment. */
const LEFT_OVER =
  /^lock |pending:|to be deleted|^strange object|^lease released: false|^\S+: (launch template|target group|load balancer|security group|scaling policy) .*\((?!1\))\d+\)$/;

/** What is not as it has to be, once all has come to rest. */
async function worldFlaws(version: string): Promise<string[]> {
  const lines = await worldOf(live, {});
  const { open, holder, regions } = await live.status();
  const fleets = regions[0]?.fleets ?? [];
  const serving = fleets.filter(({ role }) => role === 'live');
  return [
    ...lines.filter((line) => LEFT_OVER.test(line) || /suspended: ./.test(line)),
    ...(open === null && holder === null ? [] : [`still open or held: ${JSON.stringify({ open, holder })}`]),
    ...(serving.length === 1 ? [] : [`${serving.length} live fleets`]),
    ...(lines.filter((line) => / tags: /.test(line)).length <= 2
      ? []
      : ['more than a fleet for each colour']),
    ...serving
      .filter((fleet) => fleet.version !== version || fleet.healthy < 2 || fleet.healthy !== fleet.desired)
      .map((fleet) => `not the healthy fleet of ${version}: ${JSON.stringify(fleet)}`),
    ...((await liveVersion()) === version ? [] : [`${await liveVersion()} answers instead of ${version}`]),
  ];
}

async function journalFlaws(order: Order, continuations: number): Promise<string[]> {
  const records = await newJournal(order);
  return records.length === 0 ? [] : flawsOf(records, continuations);
}

async function play(seed: number): Promise<string[]> {
  const began = Date.now();
  const weather = new Weather(seed);
  const order = await prepare(seed);
  const { result, load } = await live.underLoad(() => course(weather, order));
  let world: string[] = [];
  const look = async (): Promise<string[]> => (world = await worldFlaws(result.version));
  await until(look, (flaws) => flaws.length === 0, 40).catch(() => undefined);
  const flaws = [...result.flaws, ...world, ...(await journalFlaws(order, result.continuations))];
  if (load.failed > 0 || load.unaccounted > 0) flaws.push(`load: ${JSON.stringify(load)}`);
  const story = `${weather.describe()}; ${weather.told.length} faults; ${result.told}`;
  say(`seed ${seed}: ${story}, ${Math.round((Date.now() - began) / 1000)} s`);
  if (flaws.length === 0) return [];
  return [`BASCULE_SEED=${seed}: ${story}`, ...flaws, ...weather.told];
}

const say = (text: string): void => void process.stderr.write(`fault test: ${text}\n`);

describe('through an AWS that fails', () => {
  test.each(seeds())(
    'seed %i: the deployment comes to its end, and the service does not notice',
    async (seed) => {
      const flaws = await play(seed);
      expect(flaws.join('\n')).toBe('');
    },
    900_000,
  );
});
