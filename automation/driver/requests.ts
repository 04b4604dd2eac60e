import { describeHolder } from '../../src/domain/lease';
import type { Reason } from '../../src/domain/records';
import type { Request } from '../../src/domain/request';
import { isNoAnswer } from './interruptions';
import type { Drive } from './run';
import { whyTooLate } from './too-late';

/** How old the last look may be while a step waits: soon enough for a person, one small read of S3 each. */
export const ASK_EVERY_MILLISECONDS = 2000;

/** What people ask of the deployment; the driver takes it up, in order, and says so in the journal. */
export class Inbox {
  private lookedAt = -Infinity;

  constructor(private readonly drive: Drive) {}

  /** Milliseconds until the next look is due. */
  get dueIn(): number {
    return Math.max(0, this.lookedAt + ASK_EVERY_MILLISECONDS - this.drive.world.clock.now());
  }

  /** Takes up what was asked; whether there was anything. Where there is no answer nobody asked anything yet. */
  async take(maximumAge = ASK_EVERY_MILLISECONDS): Promise<boolean> {
    const { world, journal, requests } = this.drive;
    if (world.clock.now() - this.lookedAt < maximumAge) return false;
    this.lookedAt = world.clock.now();
    const { deployment, nextRequest } = journal.state;
    const asked = await requests.read(deployment, nextRequest).catch(nothingFor);
    for (const request of asked) await this.takeUp(request);
    return asked.length > 0;
  }

  private async takeUp(request: Request): Promise<void> {
    const { journal, reporter } = this.drive;
    const refused = request.kind === 'abort' ? await this.turnBack(request) : undefined;
    const why = refused === undefined ? {} : { refused };
    await journal.append({ kind: 'asked', request, ...why });
    reporter.say({ kind: 'asked', request, ...why });
  }

  /** Recorded before the request itself, so that no kill between the two can lose it. */
  private async turnBack({ by }: Request): Promise<Reason | undefined> {
    const { world, journal } = this.drive;
    const { state } = journal;
    if (state.turnedBack !== null) return undefined;
    const late = await whyTooLate(world, state);
    if (late !== undefined)
      return {
        code: 'BASCULE_TOO_LATE',
        message: `Deployment ${state.deployment} cannot be undone any more: ${late}.`,
        details: [],
      };
    const message = `Aborted on request of ${describeHolder(by)}.`;
    const reason = { code: 'BASCULE_ABORTED', message, details: [] };
    await journal.append({ kind: 'rollbackRequested', reason });
    return undefined;
  }
}

function nothingFor(thrown: unknown): Request[] {
  if (isNoAnswer(thrown)) return [];
  throw thrown;
}
