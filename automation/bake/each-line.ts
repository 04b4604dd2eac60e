import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MILLISECONDS = 100;

/** Reads a file's lines as they are written, until whoever writes it is said to be done. */
export async function eachLine(file: string, done: AbortSignal, take: (line: string) => void): Promise<void> {
  const handle = await open(file, 'r');
  const decoder = new StringDecoder('utf8');
  const buffer = Buffer.alloc(64 * 1024);
  let rest = '';
  try {
    for (;;) {
      // Asked before it is read, so that what was written last is read too.
      const last = done.aborted;
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      const lines = (rest + decoder.write(buffer.subarray(0, bytesRead))).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
      if (bytesRead > 0) continue;
      if (last) break;
      await delay(LOOK_MILLISECONDS, undefined, { signal: done }).catch(() => undefined);
    }
  } finally {
    await handle.close();
  }
  if (rest !== '') take(rest);
}
