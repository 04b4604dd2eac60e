import { readdir } from 'node:fs/promises';
import { AMBIENT, parseStackName, type EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import { chainTo, type ChainLink } from '../../src/domain/promotion-chain';
import type { Journal } from '../../src/ports';
import type { Former } from '../operations/promote';
import type { Station } from '../operations/releases';
import type { Session } from '../operations/session';

/** An environment's file, and its place in the order. */
export interface EnvironmentFile extends ChainLink {
  config: EnvironmentConfig;
}

/** An environment whose file cannot be read, and why. */
export interface UnreadFile {
  environment: string;
  error: BasculeError;
}

/** Every environment of a project. */
export async function environmentFiles(
  folder: string,
): Promise<{ files: EnvironmentFile[]; unread: UnreadFile[] }> {
  const { loadEnvironmentFile } = await import('../../src/adapters/config-file.js');
  const files: EnvironmentFile[] = [];
  const unread: UnreadFile[] = [];
  for (const file of (await readdir(folder)).sort()) {
    const name = parseStackName(/^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? '');
    if (name?.kind !== 'service') continue;
    const { environment } = name;
    try {
      const config = await loadEnvironmentFile(folder, environment);
      files.push({ environment, service: config.service, from: config.promotion?.from, config });
    } catch (thrown) {
      if (!(thrown instanceof BasculeError)) throw thrown;
      unread.push({ environment, error: thrown });
    }
  }
  return { files, unread };
}

/** The journal of any environment, with its own access. */
export async function journalOf({ environment, config }: EnvironmentFile): Promise<Journal> {
  const [{ createClients }, { Objects }, { S3Journal }] = await Promise.all([
    import('../../src/adapters/aws.js'),
    import('../../src/adapters/objects.js'),
    import('../../src/adapters/journal.js'),
  ]);
  const { s3 } = createClients(config.regions[0] ?? '', config.access ?? AMBIENT);
  return new S3Journal(new Objects(s3, config.bucket), environment);
}

/** Any environment as `bascule releases` reads it, with its own access. */
export async function stationOf(file: EnvironmentFile): Promise<Station> {
  const { environment, service, config } = file;
  const { AwsReleaseImages } = await import('../../src/adapters/release-images.js');
  return {
    environment,
    promotion: config.promotion ?? null,
    journal: await journalOf(file),
    images: new AwsReleaseImages(service, config.access ?? AMBIENT),
    region: config.regions[0] ?? '',
  };
}

/**
 * The environment before, as the promotion to an environment needs it; undefined where there is none.
 * @throws BasculeError BASCULE_PROMOTION_CHAIN (exit code 2); that of the file where it cannot be read.
 */
export async function openFormer(
  session: Session,
  opened: { folder: string; config: EnvironmentConfig },
): Promise<Former | undefined> {
  const { config } = opened;
  if (config.promotion === undefined) return undefined;
  const { files, unread } = await environmentFiles(opened.folder);
  const why = unread.find(({ environment }) => environment === config.promotion?.from);
  if (why !== undefined) throw why.error;
  const former = chainTo(session.environment, files).at(-2);
  if (former === undefined) return undefined;
  const { AwsHandover } = await import('../../src/adapters/image-promotion.js');
  const { regions, fleet, access, service } = former.config;
  const source = {
    access: access ?? AMBIENT,
    service,
    home: regions[0] ?? '',
    imageOwners: fleet.imageOwners,
  };
  const target = {
    home: config.regions[0] ?? '',
    imageOwners: config.fleet.imageOwners,
    kmsKeys: config.promotion.kmsKeys,
  };
  return {
    promotion: config.promotion,
    journal: await journalOf(former),
    handover: new AwsHandover(source, target, session.world.clock, session.stop),
    destination: {
      from: { environment: former.environment, regions },
      environment: session.environment,
      regions: config.regions,
      imageOwners: config.fleet.imageOwners,
      bucket: config.bucket,
      readableBuckets: config.fleet.releaseBuckets,
    },
  };
}
