import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create } from 'tar';
import { BasculeError } from '../../src/domain/errors';
import { parseReleaseFile, RELEASE_FILE } from '../../src/domain/release-file';
import { rangeText } from '../../src/domain/schema-range';
import { hashContent, hashFile, listFiles } from './files';

const execute = promisify(execFile);

export interface Bundle {
  /** The packed file, gzipped tar. */
  file: string;
  /** SHA-256 of the packed file: what a fetched bundle is checked against. */
  sha256: string;
  /** SHA-256 over names, modes and contents: the same for the same folder, whoever packs it and when. */
  contentSha256: string;
  files: number;
  bytes: number;
  /** Range of database schemas that the release file declares. */
  schema?: string;
  /** Git revision of the folder, where it is in a repository. */
  revision?: string;
}

export interface PackOptions {
  /** Whether something in the folder has to say how it starts; what runs a container image needs nothing. */
  starts: boolean;
}

/**
 * Packs an application's folder. It needs a `Procfile` with a `web:` line, or a package.json with a start
 * script: that is how an instance starts it. Without a folder the bundle is empty.
 * @throws BasculeError BASCULE_APP_FOLDER or BASCULE_RELEASE_FILE (exit code 2).
 */
export async function packFolder(
  folder: string | undefined,
  into: string,
  name: string,
  { starts }: PackOptions = { starts: true },
): Promise<Bundle> {
  await mkdir(into, { recursive: true });
  if (folder === undefined) return packNothing(into, name);
  await requireApp(folder, starts);
  const paths = await listFiles(folder, '');
  const [contentSha256, schema, revision] = await Promise.all([
    hashContent(folder, paths),
    schemaOf(folder),
    revisionOf(folder),
  ]);
  const file = join(into, `${name}-${contentSha256.slice(0, 12)}.tar.gz`);
  const unfinished = `${file}.${process.pid}`;
  await create(
    { cwd: folder, file: unfinished, gzip: true, portable: true, mtime: new Date(0), noDirRecurse: true },
    paths,
  );
  await rename(unfinished, file);
  const { size } = await stat(file);
  return {
    ...{ file, sha256: await hashFile(file), contentSha256, files: paths.length, bytes: size },
    ...(schema === undefined ? {} : { schema }),
    ...(revision === undefined ? {} : { revision }),
  };
}

async function packNothing(into: string, name: string): Promise<Bundle> {
  const file = join(into, `${name}-empty.tar.gz`);
  // The shape of an archive needs an entry for the packer to write any end; a folder alone is one.
  await create({ cwd: into, file, gzip: true, portable: true, mtime: new Date(0), noDirRecurse: true }, [
    '.',
  ]);
  const { size } = await stat(file);
  const contentSha256 = createHash('sha256').digest('hex');
  return { file, sha256: await hashFile(file), contentSha256, files: 0, bytes: size };
}

async function requireApp(folder: string, starts: boolean): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined || !found.isDirectory()) throw badFolder(folder, 'there is no such folder');
  const names = await readdir(folder);
  if (starts && !names.includes('Procfile') && !names.includes('package.json'))
    throw badFolder(folder, 'it has neither a Procfile nor a package.json, so nothing says how it starts');
}

function badFolder(folder: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_APP_FOLDER',
    message: `The application in ${folder} cannot be packed: ${why}.`,
    next: 'Name a folder with a Procfile (`web: <command>`) or a package.json with a start script; the command listens on $PORT.',
  });
}

/** What the release file declares, as it stands in a tag. */
async function schemaOf(folder: string): Promise<string | undefined> {
  const file = join(folder, RELEASE_FILE);
  const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (text === undefined) return undefined;
  const parsed = parseReleaseFile(text);
  if (parsed.ok) return parsed.release.schema === undefined ? undefined : rangeText(parsed.release.schema);
  throw new BasculeError({
    code: 'BASCULE_RELEASE_FILE',
    message: `${file} is not right; nothing was baked.`,
    details: parsed.problems,
    next: 'Correct the file: `schema: { from: 4, to: 6 }`, whole numbers, is all it may hold.',
  });
}

/** The commit, and whether the folder has changes beside it; undefined outside a repository or without git. */
async function revisionOf(folder: string): Promise<string | undefined> {
  const git = async (...args: string[]): Promise<string> =>
    (await execute('git', ['-C', folder, ...args])).stdout.trim();
  try {
    const revision = await git('rev-parse', 'HEAD');
    const changed = (await git('status', '--porcelain', '--', '.')) !== '';
    return changed ? `${revision}-changed` : revision;
  } catch {
    return undefined;
  }
}
