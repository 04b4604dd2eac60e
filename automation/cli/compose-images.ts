import { readdir } from 'node:fs/promises';
import type { ImageConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { Clock, ReleaseImages } from '../../src/ports';
import { projectFolder } from './compose';
import type { CommonOptions } from './options';

export interface OpenedImages {
  folder: string;
  images: ReleaseImages;
  /** Where releases are baked to. */
  regions: ImageConfig['regions'];
  /** The service's environments in this project. */
  environments: string[];
  /** Environments, perhaps the service's, of which nothing can be known. */
  unread: UnreadEnvironment[];
  clock: Clock;
  /** Looks at images in the account that they are baked in, and no more in that of an environment opened since. */
  enter(): void;
}

/** An environment whose needs cannot be read, and why. */
export interface UnreadEnvironment {
  environment: string;
  code: string;
  why: string;
}

/** What is known of images: their configuration, AWS, and the environments that may need them. */
export async function openImages(argv: CommonOptions): Promise<OpenedImages> {
  const folder = projectFolder(argv.project);
  const { loadImageFile } = await import('../../src/adapters/config-file.js');
  const { service, regions, access } = await loadImageFile(folder);
  const [found, { AwsReleaseImages }, { systemClock }, { useAccess }] = await Promise.all([
    environmentsOf(folder, service),
    import('../../src/adapters/release-images.js'),
    import('../../src/adapters/clock.js'),
    import('../../src/adapters/access.js'),
  ]);
  const images = new AwsReleaseImages(service);
  const enter = (): void => useAccess(access, regions[0]);
  return { folder, images, regions, ...found, clock: systemClock, enter };
}

/** As what makes an environment unread; anything but an error meant for a person is a defect and goes on. */
export function unreadBecause(environment: string, thrown: unknown): UnreadEnvironment {
  if (!(thrown instanceof BasculeError)) throw thrown;
  return { environment, code: thrown.code, why: [thrown.message, ...thrown.details].join(' ') };
}

async function environmentsOf(
  folder: string,
  service: string,
): Promise<Pick<OpenedImages, 'environments' | 'unread'>> {
  const { loadEnvironmentFile } = await import('../../src/adapters/config-file.js');
  const { IMAGE_STACK } = await import('../../src/domain/config/index.js');
  const names = (await readdir(folder))
    // Fleets' stacks have dots in their names, and no settings of an environment.
    .flatMap((file) => /^Pulumi\.([^.]+)\.yaml$/.exec(file)?.[1] ?? [])
    .filter((name) => name !== IMAGE_STACK)
    .sort();
  const environments: string[] = [];
  const unread: UnreadEnvironment[] = [];
  for (const name of names)
    try {
      if ((await loadEnvironmentFile(folder, name)).service === service) environments.push(name);
    } catch (thrown) {
      unread.push(unreadBecause(name, thrown));
    }
  return { environments, unread };
}
