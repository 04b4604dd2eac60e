import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar';

/** A release that cannot run, whatever is tried: its instance ends, with the message in its output. */
export class UnusableRelease extends Error {}

export interface BundleAddress {
  bucket: string;
  key: string;
}

/** Opens a bundle for reading; throws UnusableRelease when it does not exist. */
export type OpenBundle = (address: BundleAddress) => Promise<Readable>;

/** Where a bundle lies, from an image's tag; undefined when it is no s3://bucket/key. */
export function parseBundle(tag: string): BundleAddress | undefined {
  const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(tag);
  return match?.[1] && match[2] ? { bucket: match[1], key: match[2] } : undefined;
}

/** The releases unpacked on this machine, each once, in a folder named by its bundle's SHA-256. */
export class ReleaseStore {
  private readonly underWay = new Map<string, Promise<string>>();

  constructor(
    private readonly folder: string,
    private readonly open: OpenBundle,
  ) {}

  /** Removes what a killed daemon left half unpacked. */
  async tidy(): Promise<void> {
    const names = await readdir(this.folder).catch(() => []);
    const drafts = names.filter((name) => name.startsWith('.'));
    await Promise.all(
      drafts.map((name) => rm(path.join(this.folder, name), { recursive: true, force: true })),
    );
  }

  /** The folder of an unpacked release; fetched first where it must. Calls for the same one share the work. */
  async folderOf(address: BundleAddress, sha256: string | undefined): Promise<string> {
    if (sha256 !== undefined && (await isFolder(path.join(this.folder, sha256)))) {
      return path.join(this.folder, sha256);
    }
    const key = sha256 ?? `${address.bucket}/${address.key}`;
    const known = this.underWay.get(key);
    if (known) return known;
    const work = this.fetch(address, sha256).finally(() => this.underWay.delete(key));
    this.underWay.set(key, work);
    return work;
  }

  private async fetch(address: BundleAddress, expected: string | undefined): Promise<string> {
    const draft = path.join(this.folder, `.${process.pid}-${Math.random().toString(36).slice(2)}`);
    const bundle = `${draft}.tar.gz`;
    await mkdir(draft, { recursive: true });
    try {
      await pipeline(await this.open(address), createWriteStream(bundle));
      const actual = await sha256Of(bundle);
      if (expected !== undefined && actual !== expected) {
        throw new UnusableRelease(
          `the bundle s3://${address.bucket}/${address.key} is not the one that was baked: its SHA-256 is ${actual}, the image names ${expected}`,
        );
      }
      await unpack(bundle, draft, address);
      return await this.settle(draft, path.join(this.folder, actual));
    } finally {
      await rm(bundle, { force: true });
      await rm(draft, { recursive: true, force: true });
    }
  }

  private async settle(draft: string, target: string): Promise<string> {
    try {
      await rename(draft, target);
    } catch (problem) {
      // Somebody else was faster with the same content; that one serves as well.
      if (!(await isFolder(target))) throw problem;
    }
    return target;
  }
}

async function unpack(bundle: string, into: string, address: BundleAddress): Promise<void> {
  try {
    await tar.x({ file: bundle, cwd: into, strict: true });
  } catch (problem) {
    const why = problem instanceof Error ? problem.message : String(problem);
    throw new UnusableRelease(`the bundle s3://${address.bucket}/${address.key} cannot be unpacked: ${why}`);
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
