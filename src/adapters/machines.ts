import { DescribeInstancesCommand, type EC2Client } from '@aws-sdk/client-ec2';
import {
  GetCommandInvocationCommand,
  paginateListCommands,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { commentOf, endingScript, executionTimeout, machineScript } from '../domain/machine-run';
import { readInvocation, type InvocationReading } from '../domain/machine-invocation';
import type { Clock, MachineCommand, MachineEnding, Machines } from '../ports';
import { createClients, createSystemsManagerClient } from './aws';
import { awsErrorName } from './aws-errors';

/** AWS's own document that runs a script (Systems Manager Command document plugin reference, "aws:runShellScript"). */
const DOCUMENT = 'AWS-RunShellScript';

export interface Patience {
  /** For an instance that has come up to register with Systems Manager, as its agent begins after much else. */
  registrationSeconds: number;
  /** For a command to reach its instance; what has not begun by then never will. AWS takes 30 at least. */
  deliverySeconds: number;
  /** For an answer that is overdue, once delivery and command have had their time. */
  silenceSeconds: number;
}

const PATIENCE: Patience = { registrationSeconds: 90, deliverySeconds: 120, silenceSeconds: 60 };

/** Between two looks, which come less often the longer a command takes. */
const LOOKS = { first: 500, most: 5_000, growth: 1.5 };

/** Between two attempts to send a command to an instance that has not registered. */
const REGISTRATION_MILLISECONDS = 2_000;

/** What an instance is before it is on its way out (EC2 user guide, "Instance lifecycle"). */
const ALIVE = new Set(['pending', 'running']);

const UNREGISTERED =
  'Look for the instance in Systems Manager, Fleet Manager: its image needs the SSM Agent, its role the policy ' +
  'AmazonSSMManagedInstanceCore, and its subnet a way to the endpoints ssm, ssmmessages and ec2messages.';

const NOT_BEGUN =
  'Look at the instance’s console output and at the images of the release; then deploy once more.';

type Result = { ending: MachineEnding; output: string };

/** Commands on instances, over Run Command of Systems Manager. */
export class AwsMachines implements Machines {
  constructor(
    private readonly clock: Clock,
    private readonly patience: Patience = PATIENCE,
  ) {}

  async run(region: string, instanceId: string, order: MachineCommand, signal: AbortSignal): Promise<Result> {
    const ssm = await createSystemsManagerClient(region);
    const place = { ssm, ec2: createClients(region).ec2, instanceId, order, clock: this.clock };
    try {
      return await new MachineRun(place, this.patience, signal).untilEnded();
    } finally {
      ssm.destroy();
    }
  }
}

interface Place {
  ssm: SSMClient;
  ec2: EC2Client;
  instanceId: string;
  order: MachineCommand;
  clock: Clock;
}

/** One run, which may have more than one command: a call whose answer was lost is made again. */
class MachineRun {
  private readonly commands = new Set<string>();
  /** When it was asked to end. */
  private endedAt: number | undefined;

  constructor(
    private readonly place: Place,
    private readonly patience: Patience,
    private readonly signal: AbortSignal,
  ) {}

  async untilEnded(): Promise<Result> {
    const { clock, order } = this.place;
    await this.findCommands();
    const refused = this.commands.size > 0 ? undefined : await this.send();
    if (refused !== undefined) return { ending: refused, output: '' };
    const { deliverySeconds, silenceSeconds } = this.patience;
    const seconds = deliverySeconds + executionTimeout(order) + silenceSeconds;
    const until = clock.now() + seconds * 1000;
    for (let wait = LOOKS.first; ; wait = Math.min(wait * LOOKS.growth, LOOKS.most)) {
      if (this.signal.aborted) await this.end();
      const gone = await this.whyGone(until);
      // After it: what ended right before the instance went is still told.
      const result = await this.look();
      if (result !== undefined) return result;
      if (gone !== undefined) return { ending: { kind: 'gone', why: gone }, output: '' };
      await clock.wait(wait, this.endedAt === undefined ? this.signal : undefined);
    }
  }

  /** Every command of this run: lists are not complete at once, so that a later look may find more. */
  private async findCommands(): Promise<void> {
    const { ssm, instanceId, order } = this.place;
    const comment = commentOf(order);
    const Filters = [{ key: 'DocumentName' as const, value: DOCUMENT }];
    for await (const page of paginateListCommands({ client: ssm }, { InstanceId: instanceId, Filters }))
      for (const { Comment, CommandId } of page.Commands ?? [])
        if (Comment === comment && CommandId !== undefined) this.commands.add(CommandId);
  }

  /** Sends it as soon as Systems Manager knows the instance; why not, where that does not happen. */
  private async send(): Promise<MachineEnding | undefined> {
    const { clock, instanceId } = this.place;
    const until = clock.now() + this.patience.registrationSeconds * 1000;
    for (;;) {
      const refused = await this.sendOnce();
      if (refused === undefined) return undefined;
      const state = await this.instanceState();
      const why = ALIVE.has(state)
        ? `Systems Manager does not take commands for ${instanceId}: ${refused}`
        : `${instanceId} is ${state}`;
      if (!ALIVE.has(state)) return { kind: 'not-started', why, next: NOT_BEGUN };
      if (clock.now() >= until || this.signal.aborted)
        return { kind: 'not-started', why, next: UNREGISTERED };
      await clock.wait(REGISTRATION_MILLISECONDS, this.signal);
    }
  }

  /** What Systems Manager says where it does not know the instance (API reference, "SendCommand", InvalidInstanceId). */
  private async sendOnce(): Promise<string | undefined> {
    const { order } = this.place;
    const sent = await this.sendScript(commentOf(order), machineScript(order));
    if ('refused' in sent) return sent.refused;
    this.commands.add(sent.id);
    return undefined;
  }

  /** Ends the command by a script of its own: only that may be allowed for some instances, a cancellation for all or none. */
  private async end(): Promise<void> {
    if (this.endedAt !== undefined) return;
    const { clock, order } = this.place;
    this.endedAt = clock.now();
    await this.sendScript('bascule ends a command', endingScript(order));
  }

  private async sendScript(Comment: string, script: string): Promise<{ id: string } | { refused: string }> {
    const { ssm, instanceId, order } = this.place;
    try {
      const { Command } = await ssm.send(
        new SendCommandCommand({
          DocumentName: DOCUMENT,
          InstanceIds: [instanceId],
          Comment,
          TimeoutSeconds: this.patience.deliverySeconds,
          Parameters: { commands: [script], executionTimeout: [String(executionTimeout(order))] },
        }),
      );
      return { id: Command?.CommandId ?? '' };
    } catch (thrown) {
      if (awsErrorName(thrown) !== 'InvalidInstanceId') throw thrown;
      return { refused: (thrown as Error).message || 'it is not registered' };
    }
  }

  private async look(): Promise<Result | undefined> {
    const readings = await Promise.all([...this.commands].map((id) => this.read(id)));
    for (const reading of readings) if (reading.kind === 'ended') return endOf(reading);
    if (!readings.every(({ kind }) => kind === 'begun-before')) return undefined;
    // All of these came second; the command that was first did not stand in the list yet.
    await this.findCommands();
    return undefined;
  }

  private async read(CommandId: string): Promise<InvocationReading> {
    const { ssm, instanceId: InstanceId } = this.place;
    try {
      return readInvocation(await ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId })));
    } catch (thrown) {
      // A command that was just sent is not known everywhere at once.
      if (awsErrorName(thrown) === 'InvocationDoesNotExist') return { kind: 'under-way' };
      throw thrown;
    }
  }

  private async whyGone(until: number): Promise<string | undefined> {
    const { clock, instanceId, order } = this.place;
    if (this.endedAt !== undefined && clock.now() >= this.endedAt + this.patience.silenceSeconds * 1000)
      return `“${order.name}” was asked to end, and nothing says that it did`;
    if (clock.now() >= until) return `Systems Manager says nothing of how it ended on ${instanceId}`;
    const state = await this.instanceState();
    return ALIVE.has(state) ? undefined : `${instanceId} is ${state}`;
  }

  private async instanceState(): Promise<string> {
    const { ec2, instanceId } = this.place;
    try {
      const { Reservations = [] } = await ec2.send(
        new DescribeInstancesCommand({ InstanceIds: [instanceId] }),
      );
      return Reservations.flatMap(({ Instances = [] }) => Instances)[0]?.State?.Name ?? 'terminated';
    } catch (thrown) {
      // EC2 forgets a terminated instance after a while.
      if (awsErrorName(thrown) === 'InvalidInstanceID.NotFound') return 'terminated';
      throw thrown;
    }
  }
}

function endOf({ ending, output }: InvocationReading & { kind: 'ended' }): Result {
  if (ending.kind !== 'not-started') return { ending, output };
  return { ending: { ...ending, next: ending.undelivered ? UNREGISTERED : NOT_BEGUN }, output };
}
