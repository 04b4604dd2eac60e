import * as pulumi from '@pulumi/pulumi';
import {
  BAKE_KEY,
  ENVIRONMENT_KEY,
  IMAGE_KEY,
  IMAGE_STACK,
  parseBake,
  parseEnvironment,
  parseImage,
  parseStackName,
} from '../src/domain/config';
import type { Guard } from '../src/domain/guard';
import { accepted, environmentPlace, stackSetting } from './settings';

// Pulumi's runner maps stack traces through the source maps of its own packages, which name files that are
// not there (node_modules/@pulumi/resource.ts). Node's colouring of such a line never ends: every error of a
// program would take half a minute and a gigabyte. Without the mapping the lines are true.
Reflect.deleteProperty(Error, 'prepareStackTrace');
// Said with every preview otherwise; the versions in the lock file work with Node 20.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** Picks the program by the stack's name; loads no more of it than that one needs. */
async function main(): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  const name = parseStackName(stack);
  switch (name?.kind) {
    case 'service':
      return service(name.environment);
    case 'fleet': {
      const { fleetProgram } = await import('./fleet.js');
      return fleetProgram(name, await guard());
    }
    case 'image':
      return image();
    default:
      throw new pulumi.RunError(
        `${stack} is not the name of one of Bascule's stacks: <environment>, <environment>.<region>.<blue or green>, or ${IMAGE_STACK}.`,
      );
  }
}

async function service(environment: string): Promise<Record<string, unknown>> {
  const setting = stackSetting(ENVIRONMENT_KEY);
  if (setting === undefined) {
    throw new pulumi.RunError(
      `Pulumi.${environment}.yaml has no ${ENVIRONMENT_KEY}; all settings go under it.\n` +
        '  Next: copy one of examples/environments and change it. README.md describes every key.',
    );
  }
  const config = accepted(parseEnvironment(environment, setting), environmentPlace(environment));
  const { serviceProgram } = await import('./service.js');
  return serviceProgram(config, environment, await guard());
}

/** By hand nobody has looked before: the program does, as the driver does before each of its changes. */
async function guard(): Promise<Guard> {
  const { regionLook } = await import('../src/adapters/live-look.js');
  return { lookAt: regionLook, refuses: true };
}

async function image(): Promise<Record<string, unknown>> {
  const bake = stackSetting(BAKE_KEY);
  // Nothing was baked by this stack yet, and nothing is what a plain `pulumi up` makes of it.
  if (bake === undefined) return {};
  const place = `Pulumi.${IMAGE_STACK}.yaml`;
  const { imageProgram } = await import('./image.js');
  return imageProgram(
    accepted(parseImage(stackSetting(IMAGE_KEY)), `${place}: ${IMAGE_KEY}`),
    accepted(parseBake(bake), `${place}: ${BAKE_KEY}`),
  );
}

export = main;
