import type { BasculeError } from '../../src/domain/errors';
import { isNoAnswer } from '../driver/interruptions';
import { readRegion, type RegionReading } from './observe';
import type { Session } from './session';

/** What was measured of the regions that answered, and which did not. */
export interface Answering {
  readings: RegionReading[];
  silent: { region: string; error: BasculeError }[];
}

/**
 * Measures the regions that answer, side by side: one that is cut off does not hinder what is done about the others.
 * Where there is only one, or none answers, nothing can be done.
 */
export async function readAnswering(session: Session): Promise<Answering> {
  const looks = await Promise.all(session.regions.map((region) => lookAt(session, region)));
  const readings = looks.flatMap((look) => ('reading' in look ? [look.reading] : []));
  const silent = looks.flatMap((look) => ('error' in look ? [look] : []));
  const [first] = silent;
  if (first !== undefined && readings.length === 0) throw first.error;
  return { readings, silent };
}

async function lookAt(
  session: Session,
  region: string,
): Promise<{ reading: RegionReading } | { region: string; error: BasculeError }> {
  try {
    return { reading: await readRegion(session, region) };
  } catch (thrown) {
    if (isNoAnswer(thrown)) return { region, error: thrown };
    throw thrown;
  }
}
