import type { StackPrograms } from '../../src/adapters/stacks';
import type { Guard } from '../../src/domain/guard';

/** The programs of an environment's stacks, loaded when the first of them runs. */
export function guardedPrograms(guard?: Guard): StackPrograms {
  return {
    service: async (config, environment) =>
      (await import('../../stacks/service.js')).serviceProgram(config, environment, guard),
    fleet: async (place) => (await import('../../stacks/fleet.js')).fleetProgram(place, guard),
    load: () => Promise.all([import('../../stacks/service.js'), import('../../stacks/fleet.js')]),
  };
}

/** For a preview: it shows what would be done, and has looked at what is live by itself. */
export const shownPrograms: StackPrograms = guardedPrograms();
