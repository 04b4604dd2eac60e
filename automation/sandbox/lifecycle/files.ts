import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { z } from 'zod';

/** What a JSON file holds, or undefined when it is absent, half written or of another shape. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Absent or torn: to a reader that mends, both mean that nothing is known.
    return undefined;
  }
}

/** Writes through a rename, so that no reader, and no kill, ever sees half of it. */
export async function writeFileAtomically(file: string, content: string, mode = 0o644): Promise<void> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(draft, content, { mode });
    await rename(draft, file);
  } catch (problem) {
    await rm(draft, { force: true });
    throw problem;
  }
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFileAtomically(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** The last lines of a text file that may be large; none when it does not exist. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  const end = await readEnd(file, 64 * 1024);
  return end
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count);
}

/** The last `bytes` of a file; empty when it does not exist. */
export async function readEnd(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return Buffer.alloc(0);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The size of a file in bytes, 0 when it does not exist. */
export async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Deletes a file or folder, also one with folders in it that may not be written, as releases may have. */
export async function removeTree(file: string): Promise<void> {
  await rm(file, { recursive: true, force: true }).catch(async () => {
    await promisify(execFile)('chmod', ['-R', 'u+rwX', file]);
    await rm(file, { recursive: true, force: true });
  });
}

/** Moves a grown log aside, so that a sandbox that is started daily does not fill the disk. */
export async function rotateLog(file: string, maximumBytes = 8 * 1024 * 1024): Promise<void> {
  if ((await sizeOf(file)) > maximumBytes) await rename(file, `${file}.1`);
}
