import type { Argv } from 'yargs';
import { freezeName } from '../../src/domain/freeze';

/** What every command takes. */
export interface CommonOptions {
  json: boolean;
  project: string | undefined;
}

export function commonOptions<T>(argv: Argv<T>): Argv<T & CommonOptions> {
  return argv
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'Print one JSON document on standard output',
    })
    .option('project', {
      type: 'string',
      describe: 'Folder with Pulumi.yaml and Pulumi.<environment>.yaml (default: found from here upwards)',
    });
}

export interface EnvironmentOptions extends CommonOptions {
  environment: string;
}

export function environmentOptions<T>(argv: Argv<T>): Argv<T & EnvironmentOptions> {
  return commonOptions(argv).positional('environment', {
    type: 'string',
    demandOption: true,
    describe: 'The environment, as in Pulumi.<environment>.yaml',
  });
}

/** Given once for each freeze that a deployment goes past. */
export const overrideFreezeOption = {
  type: 'string',
  describe: 'Go past a freeze in force, by its name; may be given several times, and is logged',
} as const;

/** @throws BasculeError BASCULE_USAGE (exit code 2). */
export function overriddenFreezes(given: string | string[] | undefined): string[] {
  const names = given === undefined ? [] : [given].flat();
  return [...new Set(names.map((name) => freezeName('override-freeze', name)))];
}

/** For pipelines, whose jobs should not wait for people. */
export const leaveAtApprovalOption = {
  type: 'boolean',
  default: false,
  describe: 'Leave the deployment open where an approval is not given yet, for `resume` to go on',
} as const;
