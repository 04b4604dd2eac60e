import { shapeOfRequest, type Request } from '../domain/request';
import type { Requests } from '../ports';
import { putWhole } from './journal';
import { numberedKey, type Objects } from './objects';

/** What people ask of deployments, in the environment's bucket: one object for each, written once. */
export class S3Requests implements Requests {
  private readonly prefix: string;

  constructor(
    private readonly objects: Objects,
    environment: string,
  ) {
    this.prefix = `environments/${environment}/requests/`;
  }

  async append(request: Omit<Request, 'sequence'>): Promise<Request> {
    for (let sequence = (await this.stored(request.deployment, 0)).length; ; sequence += 1) {
      const numbered: Request = { ...request, sequence };
      const key = numberedKey(this.folder(request.deployment), sequence);
      // Two people may ask at once: whoever comes second takes the next number.
      if ((await putWhole(this.objects, key, JSON.stringify(numbered), shapeOfRequest)) === 'written')
        return numbered;
    }
  }

  async read(deployment: string, from: number): Promise<Request[]> {
    return (await this.stored(deployment, from)).flatMap((one) => one ?? []);
  }

  /**
   * All entries from a number on; undefined for one that this Bascule does not understand. A driver asks often
   * and mostly for what is not there: that is one small read, where a listing would be another call and slower.
   */
  private async stored(deployment: string, from: number): Promise<(Request | undefined)[]> {
    const found: (Request | undefined)[] = [];
    for (let sequence = from; ; sequence += 1) {
      const object = await this.objects.get(numberedKey(this.folder(deployment), sequence));
      if (object === undefined) return found;
      const shape = shapeOfRequest(object.text);
      // One that was cut off was never asked, and the next one takes its place.
      if (shape.kind === 'torn') return found;
      found.push(shape.kind === 'whole' ? shape.value : undefined);
    }
  }

  private folder(deployment: string): string {
    return `${this.prefix}${deployment}/`;
  }
}
