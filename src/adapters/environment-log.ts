import {
  EVENT_FORMAT,
  logUnreadable,
  shapeOfEvent,
  type EnvironmentEvent,
  type EnvironmentEventBody,
} from '../domain/environment-log';
import type { Clock, EnvironmentLog } from '../ports';
import { putWhole } from './journal';
import { numberedKey, readNumbered, type Objects } from './objects';

/** The environment's log in its bucket, one object for each event, written once and never again. */
export class S3EnvironmentLog implements EnvironmentLog {
  private readonly folder: string;

  constructor(
    private readonly objects: Objects,
    environment: string,
    private readonly clock: Clock,
  ) {
    this.folder = `environments/${environment}/log/`;
  }

  async append(body: EnvironmentEventBody): Promise<EnvironmentEvent> {
    for (let sequence = (await this.read()).length; ; sequence += 1) {
      const event: EnvironmentEvent = { ...body, format: EVENT_FORMAT, sequence, at: this.clock.now() };
      const key = numberedKey(this.folder, sequence);
      // Two people may write at once: whoever comes second takes the next number.
      if ((await putWhole(this.objects, key, JSON.stringify(event), shapeOfEvent)) === 'written')
        return event;
    }
  }

  async read(): Promise<EnvironmentEvent[]> {
    const stored = await readNumbered(this.objects, this.folder);
    const events: EnvironmentEvent[] = [];
    for (const [index, { key, number, text }] of stored.entries()) {
      const shape = shapeOfEvent(text);
      if (shape.kind === 'torn' && index === stored.length - 1) break;
      if (shape.kind !== 'whole')
        throw logUnreadable(shape.kind === 'torn' ? `${key} is not a whole event` : `${key}: ${shape.why}`);
      if (shape.value.sequence !== number || number !== index)
        throw logUnreadable(`${key} is not event ${index}`);
      events.push(shape.value);
    }
    return events;
  }
}
