import { COLOURS, type Colour } from '../domain/colour';
import type { LookPlace, RegionLook } from '../domain/guard';
import { createClients } from './aws';
import { AwsFleets } from './fleets';
import { AwsTraffic } from './traffic';

/** What a Pulumi program reads of a region, by the same adapters as the driver. Only reads. */
export function regionLook(place: LookPlace): RegionLook {
  const clients = createClients(place.region);
  const traffic = new AwsTraffic(clients.elb, place);
  const fleets = new AwsFleets(clients, place);
  return {
    routes: () => traffic.routes(),
    limits: () => fleets.limits(),
    healthy: async () => {
      const counts = COLOURS.map(async (colour): Promise<[Colour, number]> => {
        const instances = (await fleets.read(colour))?.instances ?? [];
        return [colour, instances.filter(({ target }) => target === 'healthy').length];
      });
      return Object.fromEntries(await Promise.all(counts)) as Record<Colour, number>;
    },
  };
}
