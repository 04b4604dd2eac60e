import { readdir } from 'node:fs/promises';
import type { ImageConfig } from '../../src/domain/config';
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
  clock: Clock;
}

/** What is known of images: their configuration, AWS, and the environments that may need them. */
export async function openImages(argv: CommonOptions): Promise<OpenedImages> {
  const folder = projectFolder(argv.project);
  const { loadImageFile } = await import('../../src/adapters/config-file.js');
  const { service, regions } = await loadImageFile(folder);
  const [environments, { AwsReleaseImages }, { systemClock }] = await Promise.all([
    environmentsOf(folder, service),
    import('../../src/adapters/release-images.js'),
    import('../../src/adapters/clock.js'),
  ]);
  return { folder, images: new AwsReleaseImages(service), regions, environments, clock: systemClock };
}

/** @throws BasculeError where a file is not right: what its environment needs would look unused. */
async function environmentsOf(folder: string, service: string): Promise<string[]> {
  const { loadEnvironmentFile } = await import('../../src/adapters/config-file.js');
  const { IMAGE_STACK } = await import('../../src/domain/config/index.js');
  const names = (await readdir(folder))
    // Fleets' stacks have dots in their names, and no settings of an environment.
    .flatMap((file) => /^Pulumi\.([^.]+)\.yaml$/.exec(file)?.[1] ?? [])
    .filter((name) => name !== IMAGE_STACK);
  const configs = await Promise.all(
    names.map(async (name) => ({ name, config: await loadEnvironmentFile(folder, name) })),
  );
  return configs.flatMap(({ name, config }) => (config.service === service ? [name] : [])).sort();
}
