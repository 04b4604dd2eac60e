import * as pulumi from '@pulumi/pulumi';
import { Vpc, type VpcInputs } from './vpc';

const VPC = 'awsx:ec2:Vpc';

/**
 * The awsx plugin. Components need Pulumi's own runtime to register their resources, so this plugin is served
 * by the SDK and not by the sandbox's own service.
 */
class AwsxProvider implements pulumi.provider.Provider {
  readonly version = '3.9.0';

  async construct(
    name: string,
    type: string,
    inputs: pulumi.Inputs,
    options: pulumi.ComponentResourceOptions,
  ): Promise<pulumi.provider.ConstructResult> {
    if (type !== VPC) throw new Error(`the sandbox has no ${type}; it covers: ${VPC}`);
    const settled = (await promptValues(inputs)) as VpcInputs;
    const vpc = new Vpc(name, settled, options);
    return { urn: vpc.urn, state: await vpc.build() };
  }
}

/** Serves the awsx plugin; `args` are the engine's, its address last. */
export function serveAwsx(args: string[]): Promise<void> {
  return pulumi.provider.main(new AwsxProvider(), args);
}

/**
 * The inputs that decide which resources there are must be known now; whatever is still an output is awaited.
 * The official component declares them plain for the same reason.
 */
async function promptValues(inputs: pulumi.Inputs): Promise<pulumi.Inputs> {
  const settled: pulumi.Inputs = {};
  for (const [name, value] of Object.entries(inputs))
    settled[name] = await promptValue(name, value as unknown);
  return settled;
}

function promptValue(name: string, value: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (!pulumi.Output.isInstance(value)) return resolve(value);
    const output = value as pulumi.Output<unknown> & {
      isKnown: Promise<boolean>;
      promise(): Promise<unknown>;
    };
    output.isKnown.then((known) => {
      if (known) output.promise().then(resolve, reject);
      else
        reject(
          new Error(`'${name}' must be known when the network is planned, but depends on another resource`),
        );
    }, reject);
  });
}
