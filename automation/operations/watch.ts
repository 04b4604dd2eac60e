import { messageOf } from '../../src/domain/errors';
import { describeHolder } from '../../src/domain/lease';
import { viewOf, type WatchView } from '../watch/view';
import { follow, type Followed } from './following';
import { readRegions, type RegionReading } from './observe';
import type { Session } from './session';

/** As often as the driver itself looks while it waits: a watcher beside it must not use up the account's rate. */
const READ_MILLISECONDS = 5000;
/** After the journal said that something was done, the world is looked at again, but no more often than this. */
const AGAIN_MILLISECONDS = 1000;

export interface Watched extends Followed {
  view: WatchView;
}

/** A deployment with the world that it changes, again and again until it is closed. Only reads. */
export async function* watch(session: Session, deployment: string): AsyncGenerator<Watched> {
  const regions = new Regions(session);
  for await (const followed of follow(session, deployment)) {
    const over = followed.state.closed !== null;
    const changed = followed.fresh.some(({ kind }) => kind !== 'assessed');
    const reading = regions.refresh(over ? 0 : changed ? AGAIN_MILLISECONDS : READ_MILLISECONDS);
    // The journal is told as it comes; only the beginning and the end wait for the world beside it.
    if (over || regions.last.length === 0) await reading;
    yield { ...followed, view: seenBy(session, followed, regions) };
    if (over) return;
  }
}

function seenBy(session: Session, followed: Followed, regions: Regions): WatchView {
  const { state, records, standing, lease } = followed;
  const opened = records[0];
  const running = standing.kind === 'held' && lease?.deployment === state.deployment;
  return viewOf({
    environment: session.environment,
    service: session.service,
    state,
    records,
    readings: regions.last,
    at: session.world.clock.now(),
    by: opened?.kind === 'opened' ? describeHolder(running && lease ? lease.holder : opened.holder) : '',
    abandoned: running || state.closed !== null ? null : whyNobody(followed),
    problem: followed.problem ?? regions.problem,
  });
}

function whyNobody({ standing }: Followed): string {
  return standing.kind === 'abandoned' ? standing.proof : 'its driver ended without closing it';
}

/** The last reading of all regions, made anew beside whatever else goes on. */
class Regions {
  last: RegionReading[] = [];
  problem: string | null = null;
  private at = -Infinity;
  private underWay: Promise<void> | undefined;

  constructor(private readonly session: Session) {}

  /** Reads when the last reading is older than this; a reading under way is waited for and not repeated. */
  refresh(maximumAge: number): Promise<void> {
    if (this.underWay !== undefined) return this.underWay;
    if (this.session.world.clock.now() - this.at < maximumAge) return Promise.resolve();
    this.underWay = this.read().finally(() => (this.underWay = undefined));
    return this.underWay;
  }

  private async read(): Promise<void> {
    try {
      this.last = await readRegions(this.session);
      this.problem = null;
    } catch (thrown) {
      // The journal is worth following also where the world beside it cannot be seen.
      this.problem = messageOf(thrown);
    } finally {
      this.at = this.session.world.clock.now();
    }
  }
}
