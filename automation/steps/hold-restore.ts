import { COLOURS, type Colour } from '../../src/domain/colour';
import { commandsToRestore, minimumToRestore, toResume } from '../../src/domain/held';
import type { Facts, Reason } from '../../src/domain/records';
import type { Hold, Release } from '../../src/domain/step';
import { reason, type StepContext } from './handler';

/** What of a fleet is not as it was found. */
export interface Remainder {
  colour: Colour;
  resume: string[];
  minimum: number | undefined;
}

/** The minimum that a hold decided for the live fleet; null when there was nothing to pin. */
export function pinIn(facts: Facts): number | null {
  const pin = facts['pin'];
  return typeof pin === 'number' ? pin : null;
}

/** What a hold changed and is not yet as it was found. */
export async function remains(
  step: Hold | Release,
  pin: number | null,
  context: StepContext,
): Promise<Remainder[]> {
  const limits = await context.region.fleets.limits();
  return COLOURS.flatMap((colour): Remainder[] => {
    const now = limits[colour];
    // A fleet that is gone has nothing to be given back.
    if (now === undefined) return [];
    const found = step.found[colour];
    const resume = toResume(found, now);
    const minimum = colour === step.losing ? minimumToRestore(found, pin, now) : undefined;
    return resume.length === 0 && minimum === undefined ? [] : [{ colour, resume, minimum }];
  });
}

/** Resumes what was suspended here and was not before, and gives the live fleet its minimum back. */
export async function restore(step: Hold | Release, pin: number | null, context: StepContext): Promise<void> {
  const { fleets } = context.region;
  for (const { colour, resume, minimum } of await remains(step, pin, context)) {
    if (resume.length > 0) await fleets.resume(colour, resume);
    if (minimum !== undefined) await fleets.setMinimum(colour, minimum);
  }
}

/** What remains, in words. */
export function words(remainders: readonly Remainder[]): string {
  const parts = remainders.flatMap(({ colour, resume, minimum }) => [
    ...(resume.length === 0 ? [] : [`${resume.join(' and ')} of ${colour} to be resumed`]),
    ...(minimum === undefined ? [] : [`the minimum of ${colour} to be ${minimum}`]),
  ]);
  return parts.join(', ');
}

/** Why what was held could not be put back, with what a person has to type. */
export function notRestored(
  step: Hold | Release,
  pin: number | null,
  why: string,
  context: StepContext,
): Reason {
  const { groups } = context.region.fleets;
  return reason(
    'BASCULE_NOT_RESTORED',
    `What was held still in ${step.region} could not be put back as it was found: ${why}. To type, once that is mended:`,
    commandsToRestore(step.region, groups, step, pin),
  );
}
