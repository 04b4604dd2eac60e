import path from 'node:path';
import type { CommandModule } from 'yargs';
import { bake } from '../../operations/bake';
import { conclude } from '../command';
import { openBakery } from '../compose';
import { commonOptions, type CommonOptions } from '../options';

interface BakeOptions extends CommonOptions {
  version: string;
  app: string;
}

export const bakeCommand: CommandModule<object, BakeOptions> = {
  command: 'bake <version>',
  describe: 'Pack an application and make its image, tagged with service and version',
  builder: (argv) =>
    commonOptions(argv)
      .version(false)
      .positional('version', {
        type: 'string',
        demandOption: true,
        describe: 'The version; it names one content for good',
      })
      .option('app', {
        type: 'string',
        demandOption: true,
        describe: 'Folder with a Procfile or a package.json',
      })
      .example('bascule bake 2.0.0 --app ./service', 'Bake the folder as release 2.0.0'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { config, images, bakery, workFolder } = await openBakery(argv);
      const { service, regions } = config;
      const request = { service, version: argv.version, regions, folder: path.resolve(argv.app), workFolder };
      const baked = await bake(request, images, bakery);
      const lines = Object.entries(baked.images).map(([region, id]) => `  ${region}  ${id}`);
      return { exitCode: 0, json: { ...baked }, text: [baked.message, ...lines].join('\n') };
    }),
};
