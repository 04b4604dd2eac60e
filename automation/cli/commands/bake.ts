import path from 'node:path';
import type { CommandModule } from 'yargs';
import { bake } from '../../operations/bake';
import { conclude } from '../command';
import { openBakery } from '../compose-bakery';
import { commonOptions, type CommonOptions } from '../options';
import { createBakeReporter } from '../output/bake-progress';
import type { CommandResult } from '../output/result';

interface BakeOptions extends CommonOptions {
  version: string;
  app: string | undefined;
}

export const bakeCommand: CommandModule<object, BakeOptions> = {
  command: 'bake <version>',
  describe: 'Make the image of a release, with Packer and Ansible or of a bundle, tagged with its version',
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
        describe: 'Folder with a Procfile or a package.json; only a container image is baked without one',
      })
      .example(
        'bascule bake 2.0.0 --app ./service',
        'Bake the folder as release 2.0.0, by the builder of Pulumi.image.yaml',
      )
      .example(
        'bascule bake 2.0.0',
        'Bake the container image of bascule:image.application, with the tag 2.0.0',
      )
      .example(
        'bascule bake 2.0.0 --app ./service --json 2> bake.log',
        'For a pipeline: the result as JSON, the steps in a file',
      )
      .epilogue(
        'Ctrl-C stops the build and removes what it made. The same version with the same content is found and not baked again.',
      ),
  handler: (argv) => conclude(argv.json, () => run(argv)),
};

async function run(argv: BakeOptions): Promise<CommandResult> {
  const stopping = stopOnSignals();
  const reporter = await createBakeReporter(process.stderr);
  try {
    const { config, images, bundles, bakery, recipe, workFolder } = await openBakery(argv, stopping.signal);
    const folder = argv.app === undefined ? undefined : path.resolve(argv.app);
    const request = { config, version: argv.version, folder, recipe, workFolder };
    const baked = await bake(request, { images, bundles, bakery, tell: (event) => reporter.tell(event) });
    reporter.close(true);
    const lines = Object.entries(baked.images).map(([region, id]) => `  ${region}  ${id}`);
    return { exitCode: 0, json: { ...baked }, text: [baked.message, ...lines].join('\n') };
  } catch (thrown) {
    reporter.close(false);
    throw thrown;
  } finally {
    stopping.close();
  }
}

/** The first Ctrl-C has the bake removed; the second ends this process alone, and that goes on. */
function stopOnSignals(): { signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      process.stderr.write('\nStopped at once. What the bake had made is still being removed.\n');
      process.exit(5);
    }
    process.stderr.write(
      '\nStopping: what was made is removed, which takes AWS a minute or two. Ctrl-C again stops at once.\n',
    );
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    close: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
