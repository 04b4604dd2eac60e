import type { Notification } from '../domain/notifications';
import type { Clock, Deliveries } from '../ports';
import type { Objects } from './objects';

/** The version of the marks' format; they are told apart by their keys alone. */
const FORMAT = 1;

/** Marks in the environment's bucket, one for each notification and channel. */
export class S3Deliveries implements Deliveries {
  private readonly prefix: string;

  constructor(
    private readonly objects: Objects,
    environment: string,
    private readonly clock: Clock,
  ) {
    this.prefix = `environments/${environment}/deliveries/`;
  }

  async since(deployment: string): Promise<Map<string, Set<string>>> {
    const marks = new Map<string, Set<string>>();
    // Keys are listed in order, and begin with the time at which the deployment was opened.
    for (const key of await this.objects.list(this.prefix, false, `${this.prefix}${deployment}`)) {
      const [id, mark] = key
        .slice(this.prefix.length)
        .replace(/\.json$/, '')
        .split('/');
      if (id !== undefined && mark !== undefined) marks.set(id, (marks.get(id) ?? new Set()).add(mark));
    }
    return marks;
  }

  async mark({ id, deployment, sequence, event }: Notification, channel: string): Promise<void> {
    await this.put(`${deployment}/${sequence}-${channel}`, { id, event, channel });
  }

  async complete(deployment: string): Promise<void> {
    await this.put(`${deployment}/complete`, { deployment });
  }

  /** Where it is there already it says the same. */
  private async put(key: string, what: object): Promise<void> {
    const text = JSON.stringify({ format: FORMAT, ...what, at: this.clock.now() });
    await this.objects.put(`${this.prefix}${key}.json`, text, { absent: true });
  }
}
