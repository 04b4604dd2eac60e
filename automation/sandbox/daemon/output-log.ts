import { appendFile, open } from 'node:fs/promises';
import { readEnd, sizeOf } from '../lifecycle/files';

const MAXIMUM_BYTES = 4 * 1024 * 1024;
const KEPT_BYTES = 512 * 1024;

/**
 * Cuts an instance's output down to its end once it has grown too large. In place, because the instance
 * holds the file open for appending, and the end first, so that what it prints in the instant of the cut is
 * lost and never comes in front of what it printed before.
 * @param kept bytes to keep; with the line that tells of the cut they must stay below `maximum`
 */
export async function capOutput(file: string, maximum = MAXIMUM_BYTES, kept = KEPT_BYTES): Promise<void> {
  if ((await sizeOf(file)) <= maximum) return;
  const end = await readEnd(file, kept);
  const whole = Buffer.concat([Buffer.from('[bascule] … earlier output was cut off\n'), end]);
  const handle = await open(file, 'r+');
  try {
    await handle.write(whole, 0, whole.length, 0);
    await handle.truncate(whole.length);
  } finally {
    await handle.close();
  }
}

/** A line of Bascule's own in an instance's output. */
export async function note(file: string, line: string): Promise<void> {
  await appendFile(file, `[bascule] ${line}\n`);
}
