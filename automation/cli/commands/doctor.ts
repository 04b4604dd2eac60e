import type { Argv, CommandModule } from 'yargs';
import { doctor, isReady, renderDoctor } from '../../engine/doctor';
import { commonOptions, type CommonOptions } from '../options';
import { printError } from '../output/result';

interface Arguments extends CommonOptions {
  environment: string | undefined;
}

export const doctorCommand: CommandModule<object, Arguments> = {
  command: 'doctor [environment]',
  describe: 'Show what Bascule found on this machine, and how to get what is missing',
  builder: (argv): Argv<Arguments> =>
    commonOptions(argv)
      .positional('environment', {
        type: 'string',
        describe: 'Also ask AWS whose credentials this environment is worked on with',
      })
      .example('$0 doctor', 'Node, Python, moto, the Pulumi engine, AWS credentials and more')
      .example('$0 doctor production', 'The same, and the account and role that production is reached with'),
  handler: async ({ json, project, environment }) => {
    try {
      const [machine, access] = await Promise.all([
        doctor(),
        environment === undefined ? [] : accessOf(environment, project),
      ]);
      const components = [...machine, ...access];
      const ready = isReady(components);
      process.stdout.write(
        `${json ? JSON.stringify({ ready, components }, null, 2) : renderDoctor(components, environment)}\n`,
      );
      process.exitCode = ready ? 0 : 2;
    } catch (thrown) {
      printError(thrown, json);
    }
  },
};

async function accessOf(environment: string, project: string | undefined) {
  const { environmentAccess } = await import('../environment-access.js');
  return [await environmentAccess(environment, project)];
}
