import { readFile } from 'node:fs/promises';
import { CopyObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { BakeOrder } from '../domain/bake-order';
import { BasculeError, messageOf } from '../domain/errors';
import { bundleBucket, bundleKey } from '../domain/image-tags';
import type { BundleReading } from '../domain/release-set';
import type { Bundles } from '../ports';
import { createClients } from './aws';
import { awsErrorStatus } from './aws-errors';

/** One attempt to send or copy a bundle: 500 MB over a line of 15 Mbit/s. */
const TRANSFER_MILLISECONDS = 5 * 60_000;

/** Where a bundle is, and through which region it is asked for. */
interface Place {
  region: string;
  bucket: string;
  key: string;
}

/** The bundles of releases, by the addresses that their images name. */
export class S3Bundles implements Bundles {
  async look(region: string, address: string): Promise<BundleReading> {
    const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(address) ?? [];
    if (bucket === undefined || key === undefined)
      return { kind: 'unreadable', why: 'it is no s3:// address' };
    try {
      return await read({ region, bucket, key });
    } catch (thrown) {
      if (thrown instanceof BasculeError && thrown.code !== 'BASCULE_AWS_DENIED') throw thrown;
      return { kind: 'unreadable', why: messageOf(thrown) };
    }
  }
}

/** Puts the bundle into the first region's bucket under its checksum; what is there already is not sent again. */
export async function uploadBundle(order: BakeOrder): Promise<string> {
  const place = placeIn(order, order.regions[0] ?? '');
  if (!(await isWhole(place, order))) {
    const { region, bucket: Bucket, key: Key } = place;
    // Whole, because the SDK cannot send a stream a second time.
    const Body = await readFile(order.bundleFile);
    // S3 refuses what arrives with another sum, and keeps it to be compared with.
    const sum = { ChecksumAlgorithm: 'SHA256' as const, ChecksumSHA256: base64Of(order.sha256) };
    const upload = { Bucket, Key, Body, ContentType: 'application/gzip', ...sum };
    await createClients(region).s3.send(new PutObjectCommand(upload), {
      requestTimeout: TRANSFER_MILLISECONDS,
    });
  }
  return `s3://${place.bucket}/${place.key}`;
}

/**
 * Copies the bundle to the buckets of the other regions, side by side, and compares what came of it. Safe to
 * repeat: a copy that is there and whole is left alone, anything else is copied again.
 * @throws BasculeError BASCULE_COPY_FAILED (exit code 3), which names the region and its bucket.
 */
export async function replicateBundle(order: BakeOrder): Promise<void> {
  await uploadBundle(order);
  const [home, ...others] = order.regions.map((region) => placeIn(order, region));
  if (home === undefined) return;
  // What several regions read is copied once.
  const copies = new Map(others.map((place) => [place.bucket, place]));
  copies.delete(home.bucket);
  const failures: unknown[] = [];
  await Promise.all(
    [...copies.values()].map((place) =>
      copyTo(order, home, place).catch((thrown: unknown) => failures.push(thrown)),
    ),
  );
  if (failures.length > 0) throw failures[0];
}

async function copyTo(order: BakeOrder, home: Place, place: Place): Promise<void> {
  try {
    if (await isWhole(place, order)) return;
    const { region, bucket: Bucket, key: Key } = place;
    const source = [home.bucket, ...home.key.split('/')].map(encodeURIComponent).join('/');
    // S3 reckons the sum anew over what it has copied.
    const copy = { Bucket, Key, CopySource: source, ChecksumAlgorithm: 'SHA256' as const };
    await createClients(region).s3.send(new CopyObjectCommand(copy), {
      requestTimeout: TRANSFER_MILLISECONDS,
    });
    const copied = await read(place);
    if (copied.kind === 'found' && copied.sha256 === order.sha256) return;
    throw new Error(
      copied.kind === 'found'
        ? `what is there now has the SHA-256 ${copied.sha256 ?? '(none)'} instead of ${order.sha256}`
        : 'it is not there after it was copied',
    );
  } catch (thrown) {
    throw copyFailed(order, place, thrown);
  }
}

function placeIn(order: BakeOrder, region: string): Place {
  return { region, bucket: bundleBucket(order, region), key: bundleKey(order) };
}

async function isWhole(place: Place, { sha256 }: BakeOrder): Promise<boolean> {
  const there = await read(place);
  return there.kind === 'found' && there.sha256 === sha256;
}

async function read({ region, bucket, key }: Place): Promise<BundleReading> {
  const question = new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' });
  try {
    const { ChecksumSHA256: sum } = await createClients(region).s3.send(question);
    // Of what was sent in parts S3 keeps a sum of sums, `…-3`, that can be compared with nothing.
    const whole = sum !== undefined && !sum.includes('-');
    return { kind: 'found', sha256: whole ? Buffer.from(sum, 'base64').toString('hex') : null };
  } catch (thrown) {
    if (awsErrorStatus(thrown) === 404) return { kind: 'missing' };
    throw thrown;
  }
}

function base64Of(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

function copyFailed(order: BakeOrder, { region, bucket }: Place, cause: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_COPY_FAILED',
    message: `The bundle of ${order.service} ${order.version} could not be copied to ${bucket} for ${region}: ${messageOf(cause)}.`,
    next: 'Bake again once the cause is gone: buckets that have the bundle keep it. A bucket has to exist beforehand.',
    blame: 'world',
    exitCode: 3,
    cause,
  });
}
