import { messageOf } from '../../src/domain/errors';
import { notificationsOf } from '../../src/domain/notifications';
import type { JournalRecord } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import type { OpenJournal } from '../journaling';
import { Courier, type Failed, type Parcel, type Post } from './courier';
import { deploymentId } from './holding';
import { openAndHeld } from './running';
import type { Session } from './session';

/** How long a deployment that has ended waits for its courier. */
const LAST_WAIT_MILLISECONDS = 10_000;
/** What is older helps nobody any more, and is not sent. */
const STALE_MILLISECONDS = 7 * 24 * 3600_000;
/** How often `bascule notify` tries each. */
const ATTEMPTS = 3;

/** Has a deployment's notifications delivered while it goes on; to be called when its driver has ended. */
export function startTelling(session: Session, journal: OpenJournal): () => Promise<void> {
  const { post } = session;
  if (post === null) return () => Promise.resolve();
  const telling = new Telling(session, post, journal);
  return () => telling.end();
}

class Telling {
  private readonly courier: Courier;
  private ready: Promise<void>;
  private marks: ReadonlySet<string> = new Set();
  private told = 0;

  constructor(
    private readonly session: Session,
    private readonly post: Post,
    private readonly journal: OpenJournal,
  ) {
    this.courier = new Courier(post, (failed) => this.note(failureText(failed)));
    this.ready = this.lookBack().then(() => this.takeNew());
    journal.heard = () => {
      this.ready = this.ready.then(() => this.takeNew());
    };
  }

  async end(): Promise<void> {
    const waited = new AbortController();
    await Promise.race([this.wholly(), this.post.clock.wait(LAST_WAIT_MILLISECONDS, waited.signal)]);
    waited.abort();
    const left = this.courier.leave();
    if (left.length > 0) this.note(leftText(this.session.environment, left));
  }

  /** What deployments before this one, and this one's former drivers, delivered and did not. */
  private async lookBack(): Promise<void> {
    const { deployment } = this.journal.state;
    try {
      const { parcels, marks } = await outstanding(this.session, this.post, deployment);
      this.marks = marks;
      this.courier.take(parcels);
    } catch (thrown) {
      this.note(`what was delivered of earlier notifications cannot be read: ${messageOf(thrown)}`);
    }
  }

  /** Whatever is wrong with a message is nothing to the deployment that it tells of. */
  private takeNew(): void {
    const { story } = this.journal;
    try {
      this.courier.take(parcelsOf(this.post, story, this.marks, this.told));
    } catch (thrown) {
      this.note(`a notification cannot be made: ${messageOf(thrown)}`);
    }
    this.told = story.length;
  }

  private async wholly(): Promise<void> {
    await this.ready;
    const all = await this.courier.done();
    const { deployment } = this.journal.state;
    if (all && hasEnded(this.journal.story))
      await this.post.deliveries.complete(deployment).catch(() => undefined);
  }

  private note(text: string): void {
    this.session.reporter.say({ kind: 'note', text });
  }
}

export interface Notified {
  delivered: Parcel[];
  failed: Failed[];
  /** A deployment that a process works on, which delivers by itself. */
  underWay: string | null;
}

/** Delivers what is outstanding of all deployments, without their lease. */
export async function notify(session: Session, post: Post): Promise<Notified> {
  const open = await openAndHeld(session);
  const underWay = open?.standing.kind === 'held' ? open.state.deployment : null;
  const { parcels } = await outstanding(session, post, underWay);
  const courier = new Courier(post, () => undefined, ATTEMPTS);
  courier.take(parcels);
  await courier.done();
  const failed = courier.leave();
  const isDelivered = (parcel: Parcel): boolean =>
    !failed.some(({ notification, channel }) => {
      return notification.id === parcel.notification.id && channel === parcel.channel;
    });
  return { delivered: parcels.filter(isDelivered), failed, underWay };
}

interface Outstanding {
  parcels: Parcel[];
  /** What was delivered already of the deployment that was left out. */
  marks: ReadonlySet<string>;
}

/** What deployments owe to their channels, oldest first, but for one that looks after its own. */
async function outstanding(session: Session, post: Post, own: string | null): Promise<Outstanding> {
  const from = deploymentId(session.world.clock.now() - STALE_MILLISECONDS, '', () => 0);
  const marks = await post.deliveries.since(own !== null && own < from ? own : from);
  const ids = (await session.journal.list()).filter((id) => id >= from);
  const parcels: Parcel[] = [];
  for (const id of ids) {
    const delivered = marks.get(id) ?? new Set();
    if (id === own || delivered.has('complete')) continue;
    const records = await readable(session, id);
    const owed = parcelsOf(post, records, delivered).filter((one) => isFresh(one, session));
    parcels.push(...owed);
    if (owed.length === 0 && (id !== ids.at(-1) || hasEnded(records))) await post.deliveries.complete(id);
  }
  return { parcels, marks: (own === null ? undefined : marks.get(own)) ?? new Set() };
}

/** A journal that cannot be read tells nobody anything; commands that need it say so. */
async function readable(session: Session, deployment: string): Promise<JournalRecord[]> {
  try {
    const records = await session.journal.read(deployment);
    if (records.length > 0) replay(records);
    return records;
  } catch {
    return [];
  }
}

function isFresh({ notification }: Parcel, { world }: Session): boolean {
  return notification.at >= world.clock.now() - STALE_MILLISECONDS;
}

function hasEnded(records: readonly JournalRecord[]): boolean {
  const last = records.at(-1);
  return last?.kind === 'closed' && last.outcome !== 'halted';
}

/** What the records from a number on owe to the channels that were configured when they were opened, and are. */
function parcelsOf(
  { channels }: Post,
  records: readonly JournalRecord[],
  delivered: ReadonlySet<string>,
  from = 0,
): Parcel[] {
  const opened = records[0];
  const named = opened?.kind === 'opened' ? (opened.channels ?? []) : [];
  const owed = channels.filter(({ name }) => named.includes(name));
  if (owed.length === 0) return [];
  return notificationsOf(records, from).flatMap((notification) =>
    owed
      .filter(({ events }) => events.includes(notification.event))
      .filter(({ name }) => !delivered.has(`${notification.sequence}-${name}`))
      .map((channel) => ({ notification, channel })),
  );
}

function failureText({ notification, channel, reason }: Failed): string {
  return `notification ${notification.id} (${notification.event}) to ${channel.name}: ${reason}; it is tried again`;
}

function leftText(environment: string, left: readonly Failed[]): string {
  const what = left.map(({ notification, channel }) => `${notification.event} to ${channel.name}`).join(', ');
  return `not delivered yet: ${what}; \`bascule notify ${environment}\` delivers it, or the next deployment does`;
}
