import path from 'node:path';
import type { ImageConfig } from '../../src/domain/config';
import type { Bakery, Bundles, Images } from '../../src/ports';
import { recipeOf, type Recipe } from '../bake/recipe';
import { OWN_FOLDER, projectFolder, stackPlace } from './compose';
import type { CommonOptions } from './options';

export interface OpenedBakery {
  config: ImageConfig;
  images: Images;
  bundles: Bundles;
  bakery: Bakery;
  /** What Packer runs; undefined for another builder. */
  recipe: Recipe | undefined;
  workFolder: string;
}

/** What a bake needs: the image stack and its configuration. */
export async function openBakery(argv: CommonOptions, stop: AbortSignal): Promise<OpenedBakery> {
  const folder = projectFolder(argv.project);
  const { loadImageFile } = await import('../../src/adapters/config-file.js');
  const config = await loadImageFile(folder);
  const { useAccess } = await import('../../src/adapters/access.js');
  useAccess(config.access, config.regions[0]);
  const [{ ImageStack }, { AwsImages }, { S3Bundles }] = await Promise.all([
    import('../../src/adapters/image-stack.js'),
    import('../../src/adapters/images.js'),
    import('../../src/adapters/bundles.js'),
  ]);
  const place = await stackPlace(folder);
  const own = path.join(process.env['BASCULE_HOME'] ?? OWN_FOLDER, 'images');
  const recipe = recipeOf(config, folder, own);
  // The script runs elsewhere than in the project's folder.
  const told: ImageConfig = { ...config, packer: { ...config.packer, ...recipe } };
  const packer = config.builder === 'packer';
  const program = {
    service: config.service,
    packer,
    run: async (order: Parameters<Bakery['bake']>[0]) =>
      (await import('../../stacks/image.js')).imageProgram(told, order),
  };
  return {
    config,
    images: new AwsImages(),
    bundles: new S3Bundles(),
    bakery: new ImageStack(place, program, stop),
    recipe: packer ? recipe : undefined,
    workFolder: path.join(folder, '.bascule', 'bundles'),
  };
}
