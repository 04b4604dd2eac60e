import { appendFile, truncate } from 'node:fs/promises';
import { readEnd, sizeOf } from '../lifecycle/files';

const MAXIMUM_BYTES = 4 * 1024 * 1024;
const KEPT_BYTES = 512 * 1024;

/**
 * Cuts an instance's output down to its end once it has grown too large. In place, because the instance
 * holds the file open for appending: what it prints in the instant of the cut may be lost, no more.
 */
export async function capOutput(file: string, maximum = MAXIMUM_BYTES, kept = KEPT_BYTES): Promise<void> {
  if ((await sizeOf(file)) <= maximum) return;
  const end = await readEnd(file, kept);
  await truncate(file, 0);
  await appendFile(file, Buffer.concat([Buffer.from('[bascule] … earlier output was cut off\n'), end]));
}

/** A line of Bascule's own in an instance's output. */
export async function note(file: string, line: string): Promise<void> {
  await appendFile(file, `[bascule] ${line}\n`);
}
