import { BasculeError } from '../../src/domain/errors';
import type { RegionFacts } from '../../src/domain/plan';
import { durationsOf, type Durations } from '../../src/domain/preview/durations';
import { refusalOf, type Refusal } from '../../src/domain/preview/verdict';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { inTheWay } from './deployments';
import { requirePassage } from './freeze';
import { held } from './held';
import { readRegions, requireOneLive, type RegionReading } from './observe';
import type { Session } from './session';

/** Deployments of the past that expected durations are taken from, and how many journals are read for them at most. */
const PAST = 3;
const MOST_JOURNALS = 9;

/** An environment as a preview finds it; what would keep a deployment from beginning is among it. */
export interface Found {
  readings: RegionReading[];
  /** undefined where no single colour is live. */
  regions: RegionFacts[] | undefined;
  /** In the order in which a deployment would meet them. */
  refusals: Refusal[];
  /** Freezes in force that were named to be overridden. */
  overridden: string[];
  /** The deployment that was begun last. */
  last: DeploymentState | undefined;
  /** How long the last deployments took; read while others work. */
  past: Promise<Durations[]>;
}

/** Looks at all that a deployment looks at before it begins, without a single write. */
export async function look(session: Session, overrideFreeze: readonly string[]): Promise<Found> {
  const journals = session.journal.list().then((ids) => newestJournals(session, ids));
  const [readings, passage, standing, { last }] = await Promise.all([
    readRegions(session),
    expected(requirePassage(session, 'deploy', overrideFreeze)),
    refusedByOthers(session, journals),
    journals,
  ]);
  const live = await expected(Promise.resolve().then(() => requireOneLive(readings)));
  const refusals = [passage, standing, live].flatMap((one) => (one.kind === 'refused' ? [one.refusal] : []));
  return {
    readings,
    regions: live.kind === 'found' ? live.value : undefined,
    refusals,
    overridden: passage.kind === 'found' ? passage.value : [],
    last,
    past: journals.then(({ past }) => past),
  };
}

export type Expected<T> = { kind: 'found'; value: T } | { kind: 'refused'; refusal: Refusal };

/** A refusal that a preview tells of instead of ending with it. What AWS did not answer is none. */
export async function expected<T>(work: Promise<T>): Promise<Expected<T>> {
  try {
    return { kind: 'found', value: await work };
  } catch (thrown) {
    if (!(thrown instanceof BasculeError) || thrown.code.startsWith('BASCULE_AWS_')) throw thrown;
    return { kind: 'refused', refusal: refusalOf(thrown) };
  }
}

/** Somebody works on the environment, or began to and never ended. */
async function refusedByOthers(session: Session, journals: Promise<Journals>): Promise<Expected<void>> {
  const lease = await session.leases.read();
  if (lease !== undefined && !lease.released && lease.expiresAt > session.world.clock.now())
    return { kind: 'refused', refusal: refusalOf(await held(session, lease)) };
  const { last } = await journals;
  const inItsWay = last === undefined ? undefined : inTheWay(session, last);
  if (inItsWay !== undefined) return { kind: 'refused', refusal: refusalOf(inItsWay) };
  return { kind: 'found', value: undefined };
}

interface Journals {
  last: DeploymentState | undefined;
  past: Promise<Durations[]>;
}

async function newestJournals(session: Session, ids: readonly string[]): Promise<Journals> {
  const newest = [...ids].reverse();
  const [first] = newest;
  const last = first === undefined ? undefined : await read(session, first);
  // A deployment would not begin either where the last journal cannot be read; older ones only tell durations.
  const past = pastOf(session, newest.slice(1, MOST_JOURNALS), last);
  past.catch(() => undefined);
  return { last, past };
}

async function pastOf(
  session: Session,
  ids: readonly string[],
  last: DeploymentState | undefined,
): Promise<Durations[]> {
  const past = last === undefined ? [] : found(durationsOf(last));
  for (let from = 0; from < ids.length && past.length < PAST; from += PAST) {
    const some = ids.slice(from, from + PAST).map((id) => durationsIn(session, id).catch(() => undefined));
    past.push(...(await Promise.all(some)).flatMap(found));
  }
  return past.slice(0, PAST);
}

/** By the last record alone; a Bascule that did not write it there yet is read whole. */
async function durationsIn(session: Session, id: string): Promise<Durations | undefined> {
  const record = await session.journal.newest(id);
  if (record?.kind !== 'closed' || record.outcome !== 'succeeded') return undefined;
  if (record.durations !== undefined) return record.durations;
  const state = await read(session, id);
  return state && durationsOf(state);
}

function found<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

/** One whose opening was cut off never began. */
async function read(session: Session, id: string): Promise<DeploymentState | undefined> {
  const records = await session.journal.read(id);
  return records.length === 0 ? undefined : replay(records);
}
