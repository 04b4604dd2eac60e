import * as pulumi from '@pulumi/pulumi';

/** A resource that a program asked for, with its inputs as the engine would get them. */
export interface Asked {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
  /** What the engine is told to leave as it is. */
  ignoreChanges: string[];
  /** Whether the engine is told to refuse its deletion. */
  protect: boolean;
}

export interface Ran {
  outputs: Record<string, unknown>;
  asked: Asked[];
  /** The resources of one type. */
  ofType(type: string): Asked[];
}

export interface MockOptions {
  stack: string;
  /** Answers of provider functions by their token. */
  calls?: Record<string, (inputs: Record<string, unknown>) => Record<string, unknown>>;
  /** Outputs of stacks that are referred to, by their full name. */
  stacks?: Record<string, Record<string, unknown>>;
  config?: Record<string, unknown>;
}

/** Runs a Pulumi program without an engine: what it asks for is kept, and made-up ids are answered. */
export async function run(options: MockOptions, program: Program): Promise<Ran> {
  const told: Told = new Map();
  const asked = await mock(options, told);
  const outputs = await pulumi.runtime.runInPulumiStack(() => {
    pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
      told.set(`${type} ${name}`, {
        ignoreChanges: opts.ignoreChanges ?? [],
        protect: opts.protect ?? false,
      });
      return undefined;
    });
    return program();
  });
  // Ends when no registration is under way any more.
  await pulumi.runtime.disconnect();
  return {
    asked,
    outputs: (await known(outputs)) as Record<string, unknown>,
    ofType: (type) => asked.filter((one) => one.type === type),
  };
}

/** What a program throws, or undefined when it goes through. */
export async function thrownBy(options: MockOptions, program: Program): Promise<unknown> {
  await mock(options, new Map());
  let found: unknown;
  // Caught within: the stack would hand it on to nobody.
  await pulumi.runtime.runInPulumiStack(async () => {
    await program().catch((thrown: unknown) => (found = thrown));
    return {};
  });
  return found;
}

/** By type and name, what the engine is told beside the inputs. */
type Told = Map<string, Pick<Asked, 'ignoreChanges' | 'protect'>>;

type Program = () => Promise<Record<string, unknown>>;

async function mock(options: MockOptions, told: Told): Promise<Asked[]> {
  const asked: Asked[] = [];
  const config = Object.entries(options.config ?? {}).map(([key, value]) => [key, JSON.stringify(value)]);
  pulumi.runtime.setAllConfig(Object.fromEntries(config) as Record<string, string>);
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        if (args.type === 'pulumi:pulumi:StackReference') {
          const name = String((args.inputs as { name: unknown }).name);
          const outputs = options.stacks?.[name];
          if (outputs === undefined) throw new Error(`unknown stack '${name}'`);
          return { id: name, state: { name, outputs } };
        }
        asked.push({
          type: args.type,
          name: args.name,
          inputs: args.inputs as Record<string, unknown>,
          ignoreChanges: [],
          protect: false,
          ...told.get(`${args.type} ${args.name}`),
        });
        return { id: `${args.name}-id`, state: stateOf(args) };
      },
      call: (args) => {
        const answer = options.calls?.[args.token];
        if (answer === undefined) throw new Error(`no answer to ${args.token}`);
        return answer(args.inputs as Record<string, unknown>);
      },
    },
    'bascule',
    options.stack,
    false,
    'organization',
  );
  return asked;
}

function stateOf(args: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  const inputs = args.inputs as Record<string, unknown>;
  const region = String(inputs['region'] ?? '');
  const name = String(inputs['name'] ?? args.name);
  const arns: Record<string, string> = {
    'aws:lb/loadBalancer:LoadBalancer': `arn:aws:elasticloadbalancing:${region}:123456789012:loadbalancer/app/${name}/1`,
    'aws:lb/targetGroup:TargetGroup': `arn:aws:elasticloadbalancing:${region}:123456789012:targetgroup/${name}/2`,
    'aws:lb/listener:Listener': `arn:aws:elasticloadbalancing:${region}:123456789012:listener/app/${args.name}/1/3`,
  };
  const arn = arns[args.type] ?? `arn:mock:${args.name}`;
  return {
    ...inputs,
    name,
    arn,
    arnSuffix: arn.split(':').at(-1)?.replace('loadbalancer/', ''),
    dnsName: `${name}.${region}.example`,
    latestVersion: 7,
    vpcId: 'vpc-new',
    publicSubnetIds: ['subnet-public'],
    privateSubnetIds: ['subnet-private'],
    isolatedSubnetIds: ['subnet-isolated'],
  };
}

function known<T>(output: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve) => {
    pulumi.output(output).apply((value) => resolve(value));
  });
}
