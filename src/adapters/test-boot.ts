import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  GetConsoleOutputCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type EC2Client,
  type Instance,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { bakingTags, type BakeOrder } from '../domain/bake-order';
import { BasculeError, messageOf } from '../domain/errors';
import { consoleEnd, judgeConsole } from '../domain/test-boot';
import { userDataOf } from '../domain/user-data';
import type { Clock } from '../ports';
import { createClients } from './aws';
import { awsErrorName } from './aws-errors';

export type TestBootOutcome =
  /** Milliseconds from the launch of the instance. */
  { kind: 'passed'; took: number } | { kind: 'failed'; why: string; lines: string[] };

/** From the launch until the application is started: an instance boots within minutes, a busy zone adds some. */
const BOOT_MILLISECONDS = 5 * 60_000;
/** EC2 shuts an instance down within a few minutes, however it hangs. */
const END_MILLISECONDS = 10 * 60_000;

interface Test {
  order: BakeOrder;
  ec2: EC2Client;
  id: string;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Boots an instance of an image as a fleet would, and asks it whether the application on it answers. The instance
 * says so on its console, so that no way into its network is needed. It is terminated, and its end awaited, whatever
 * happens; one that nobody is left to terminate ends by itself.
 * @throws what the signal was aborted with, and errors of AWS.
 */
export async function testBoot(
  order: BakeOrder,
  region: string,
  imageId: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<TestBootOutcome> {
  const { ec2 } = createClients(region);
  signal.throwIfAborted();
  const id = await launch(ec2, order, region, imageId);
  const test: Test = { order, ec2, id, clock, signal };
  try {
    return await verdict(test);
  } finally {
    await end(test);
  }
}

async function launch(ec2: EC2Client, order: BakeOrder, region: string, imageId: string): Promise<string> {
  const { service, version, testBoot: wanted, port } = order;
  const userData = userDataOf({
    service,
    version,
    region,
    port,
    environment: 'test-boot',
    colour: 'blue',
    variables: {},
    testBoot: { path: wanted.path, timeoutSeconds: wanted.timeoutSeconds },
  });
  const tags = {
    ...order.tags,
    Name: `${service}-${version} test boot`,
    service,
    version,
    ...bakingTags(order),
  };
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const input: RunInstancesCommandInput = {
    ImageId: imageId,
    InstanceType: wanted.instanceType as RunInstancesCommandInput['InstanceType'],
    MinCount: 1,
    MaxCount: 1,
    UserData: Buffer.from(userData).toString('base64'),
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required' },
    // Encrypted as the image is, since nothing else is said; and gone with the instance, whatever the image says.
    BlockDeviceMappings: [{ DeviceName: await rootDevice(ec2, imageId), Ebs: { DeleteOnTermination: true } }],
    TagSpecifications: [
      { ResourceType: 'instance', Tags },
      { ResourceType: 'volume', Tags },
    ],
    ...(wanted.subnet === undefined ? {} : { SubnetId: wanted.subnet }),
  };
  const { Instances } = await ec2.send(new RunInstancesCommand(input));
  const id = Instances?.[0]?.InstanceId;
  if (id === undefined) throw new Error('RunInstances answered without an instance id');
  return id;
}

async function rootDevice(ec2: EC2Client, imageId: string): Promise<string> {
  const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  const name = Images?.[0]?.RootDeviceName;
  if (name === undefined) throw new Error(`the image ${imageId} names no root device`);
  return name;
}

async function verdict(test: Test): Promise<TestBootOutcome> {
  const { order, clock, signal } = test;
  const start = clock.now();
  const patience = order.testBoot.timeoutSeconds * 1000 + BOOT_MILLISECONDS;
  for (let wait = 250; ; wait = Math.min(wait * 2, 5_000)) {
    signal.throwIfAborted();
    // In this order: what an instance said before its end is on the console then.
    const ended = endOf(await look(test));
    const text = await consoleOf(test);
    const said = judgeConsole(text);
    if (said.kind === 'passed') return { kind: 'passed', took: clock.now() - start };
    if (said.kind === 'failed') return said;
    if (ended !== undefined) return { kind: 'failed', why: ended, lines: consoleEnd(text) };
    if (clock.now() - start >= patience) return silent(patience, text);
    await clock.wait(wait, signal);
  }
}

function silent(patience: number, text: string): TestBootOutcome {
  const why = `the instance said nothing of the application within ${patience / 1000} s: it did not boot, or the image does not run user data`;
  return { kind: 'failed', why, lines: consoleEnd(text) };
}

/** The instance as EC2 shows it; undefined when it does not (yet, in the first seconds). */
async function look({ ec2, id }: Test): Promise<Instance | undefined> {
  return unlessUnknown(async () => {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    return Reservations?.[0]?.Instances?.[0];
  });
}

function endOf(instance: Instance | undefined): string | undefined {
  const state = instance?.State?.Name;
  if (state === undefined || state === 'pending' || state === 'running') return undefined;
  const reason = instance?.StateReason?.Message;
  return `the instance ended before the application answered (${state}${reason ? `: ${reason}` : ''})`;
}

async function consoleOf({ ec2, id }: Test): Promise<string> {
  // Without `Latest` EC2 answers what it took some minutes after the boot. Instances built on Nitro have it.
  const answer = await unlessUnknown(() =>
    ec2.send(new GetConsoleOutputCommand({ InstanceId: id, Latest: true })),
  );
  return Buffer.from(answer?.Output ?? '', 'base64').toString('utf8');
}

/** A new instance is not known everywhere at once (Amazon EC2 API reference, "Eventual consistency"). */
async function unlessUnknown<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    if (awsErrorName(thrown).startsWith('InvalidInstanceID')) return undefined;
    throw thrown;
  }
}

/** Also after an abort: what is left running costs, and keeps the image's snapshots in use. */
async function end(test: Test): Promise<void> {
  const { ec2, id, clock } = test;
  const start = clock.now();
  try {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    for (let wait = 250; ; wait = Math.min(wait * 2, 5_000)) {
      const state = (await look(test))?.State?.Name ?? 'terminated';
      if (state === 'terminated') return;
      if (clock.now() - start > END_MILLISECONDS) throw new Error(`it is ${state} after ten minutes`);
      await clock.wait(wait);
    }
  } catch (thrown) {
    throw new BasculeError({
      code: 'BASCULE_TEST_INSTANCE_LEFT',
      message: `The instance ${id} that an image was tested on could not be terminated: ${messageOf(thrown)}`,
      next: `Terminate ${id}, or bake again, which does it first; at the latest it ends by itself some minutes after its test.`,
      blame: 'world',
      exitCode: 3,
      cause: thrown,
    });
  }
}
