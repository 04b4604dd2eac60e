import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../../src/domain/errors';
import { bootId, identify, isAlive, signalGroup } from '../lifecycle/processes';
import type { CommandState, CommandTruth } from '../contract';
import type { CommandWorld } from './command-runner';
import {
  readCommandRecord,
  readMachine,
  writeCommandRecord,
  type CommandRecord,
  type MachineRecord,
} from './machine-record';

const POLL_MS = 100;
/** The agent's code for what it killed, at its time-out or when it was cancelled (amazon-ssm-agent, executers_unix.go). */
const KILLED = 137;

/** Its exit code is kept in a file: a later daemon is not its parent. */
const RUN = '/bin/sh "$0/script"; echo $? >"$0/code.new"; mv "$0/code.new" "$0/code"';

type Stop = 'cancelled' | 'timed-out';

/**
 * One command of Systems Manager's on one instance. Output and exit code are files, so that a command outlives the
 * daemon and the next one goes on with it.
 */
export class MachineCommandRun {
  private readonly leaving = new AbortController();
  private readonly instanceFolder: string;
  private readonly folder: string;
  private record: CommandRecord | undefined;
  private stopped: Stop | undefined;
  private told: CommandTruth | undefined;
  private following: Promise<void> | undefined;

  constructor(
    private readonly command: CommandState,
    private readonly world: CommandWorld,
  ) {
    this.instanceFolder = path.join(world.instances, command.instanceId);
    this.folder = path.join(this.instanceFolder, 'commands', command.id);
  }

  get commandId(): string {
    return this.command.id;
  }

  get instanceId(): string {
    return this.command.instanceId;
  }

  /** Undefined while it has not begun. */
  truth(): CommandTruth | undefined {
    return this.told;
  }

  /** Runs it, or goes on with what a former daemon began, until it has ended. */
  follow(): Promise<void> {
    this.following ??= this.run().catch((problem: unknown) =>
      this.world.log(`${this.instanceId}: command ${this.commandId}: ${messageOf(problem)}`),
    );
    return this.following;
  }

  cancel(): void {
    this.stop('cancelled');
  }

  /** Kills it and says no more of it. */
  async end(): Promise<void> {
    this.leaving.abort();
    this.kill();
    await this.following;
  }

  private async run(): Promise<void> {
    const machine = await this.machine();
    if (machine === undefined) return;
    await mkdir(this.folder, { recursive: true });
    this.record = (await readCommandRecord(this.folder)) ?? (await this.start(machine));
    // Neither a cancellation nor the instance's end may pass by a process that was just being started.
    if (this.stopped !== undefined || this.leaving.signal.aborted) this.kill();
    this.tell('InProgress', 'InProgress', -1, null);
    await this.untilEnded(this.record);
    if (!this.leaving.signal.aborted) await this.conclude();
  }

  /** Waits until the instance's release was started, as an agent begins after the boot. */
  private async machine(): Promise<MachineRecord | undefined> {
    while (!this.leaving.signal.aborted) {
      const machine = await readMachine(this.instanceFolder);
      if (machine !== undefined) return machine;
      await this.pause();
    }
    return undefined;
  }

  private async start({ release, environment }: MachineRecord): Promise<CommandRecord> {
    const at = (name: string): string => path.join(this.folder, name);
    await writeFile(at('script'), this.command.script, { mode: 0o700 });
    const [stdout, stderr] = await Promise.all(['stdout', 'stderr'].map((name) => open(at(name), 'w')));
    try {
      const child = spawn('/bin/sh', ['-c', RUN, this.folder], {
        cwd: release,
        detached: true,
        stdio: ['ignore', stdout?.fd, stderr?.fd],
        env: { ...environment, BASCULE_MACHINE: this.instanceFolder },
      });
      child.unref();
      await once(child, 'spawn');
      const pid = child.pid ?? 0;
      const identity = (await identify(pid)) ?? { pid, started: '', boot: await bootId() };
      const record = { ...identity, startedAt: Date.now() };
      await writeCommandRecord(this.folder, record);
      return record;
    } finally {
      await Promise.all([stdout?.close(), stderr?.close()]);
    }
  }

  private async untilEnded(record: CommandRecord): Promise<void> {
    const until = record.startedAt + this.command.timeoutSeconds * 1000;
    while (!this.leaving.signal.aborted && (await isAlive(record))) {
      if (Date.now() >= until) this.stop('timed-out');
      await this.pause();
    }
  }

  private stop(why: Stop): void {
    this.stopped ??= why;
    this.kill();
  }

  private kill(): void {
    if (this.record !== undefined && this.told?.endedAt == null) signalGroup(this.record.pid, 'SIGKILL');
  }

  /** What the agent would report, once the process is gone. */
  private async conclude(): Promise<void> {
    const read = (name: string): Promise<string> =>
      readFile(path.join(this.folder, name), 'utf8').catch(() => '');
    const [stdout, stderr, written] = await Promise.all(['stdout', 'stderr', 'code'].map(read));
    // Without one it was killed, and by nobody but itself or a person where the agent did not.
    const code = written ? Number(written) : this.stopped === undefined ? -1 : KILLED;
    const [status, details] = endOf(code, written ? undefined : this.stopped);
    this.told = {
      ...this.base(),
      status,
      details,
      code,
      endedAt: Date.now(),
      stdout: stdout ?? '',
      stderr: stderr ?? '',
    };
    this.world.onChange();
  }

  private tell(status: 'InProgress', details: string, code: number, endedAt: null): void {
    this.told = { ...this.base(), status, details, code, endedAt, stdout: '', stderr: '' };
    this.world.onChange();
  }

  private base(): { startedAt: number } {
    return { startedAt: this.record?.startedAt ?? Date.now() };
  }

  private async pause(): Promise<void> {
    await pause(POLL_MS, undefined, { signal: this.leaving.signal }).catch(() => undefined);
  }
}

function endOf(code: number, stopped: Stop | undefined): [CommandTruth['status'], string] {
  if (stopped === 'cancelled') return ['Cancelled', 'Cancelled'];
  if (stopped === 'timed-out') return ['TimedOut', 'ExecutionTimedOut'];
  return code === 0 ? ['Success', 'Success'] : ['Failed', 'Failed'];
}
