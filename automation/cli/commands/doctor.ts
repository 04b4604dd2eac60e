import type { Argv, CommandModule } from 'yargs';
import { doctor, isReady, renderDoctor } from '../../engine/doctor';

interface Arguments {
  json?: boolean;
}

export const doctorCommand: CommandModule<object, Arguments> = {
  command: 'doctor',
  describe: 'Show what Bascule found on this machine, and how to get what is missing',
  builder: (yargs: Argv): Argv<Arguments> =>
    yargs
      .option('json', { type: 'boolean', describe: 'One JSON document on stdout' })
      .example('$0 doctor', 'Node, Python, moto, the Pulumi engine, AWS credentials and more'),
  handler: async ({ json }) => {
    const components = await doctor();
    const ready = isReady(components);
    process.stdout.write(
      `${json ? JSON.stringify({ ready, components }, null, 2) : renderDoctor(components)}\n`,
    );
    process.exitCode = ready ? 0 : 2;
  },
};
