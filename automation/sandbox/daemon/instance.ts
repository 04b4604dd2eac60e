import type { ChildProcess } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../../src/domain/errors';
import {
  bootId,
  identify,
  isAlive,
  signalGroup,
  stopGroup,
  type ProcessIdentity,
} from '../lifecycle/processes';
import { waitFor } from '../lifecycle/wait';
import type { InstanceState, InstanceTruth, ProcessState } from '../contract';
import { BackOff } from './back-off';
import { startFromDisk } from './disk-release';
import type { PortPool } from './free-port';
import { readRecord, recordFile, writeRecord } from './instance-record';
import { capOutput, note } from './output-log';
import { parseBundle, UnusableRelease, type ReleaseStore } from './release-store';
import { lostItsPort, outputSize, spawnRelease } from './spawn-release';
import { startCommand, type Start } from './start-command';
import { tellNeverStarted, TestBootRun } from './test-boot-run';

const MOST_PORTS_TRIED = 5;
const ADOPTED_POLL_MS = 200;

export interface InstanceWorld {
  /** The sandbox's folder. */
  sandbox: string;
  /** The folder of all instances. */
  instances: string;
  store: Pick<ReleaseStore, 'folderOf'>;
  ports: Pick<PortPool, 'take' | 'keep' | 'giveBack'>;
  endpoint: () => Promise<string>;
  /** Between SIGTERM and SIGKILL. */
  graceMs: number;
  onChange: () => void;
  log: (line: string) => void;
}

/**
 * One machine of the sandbox: one process group that runs the release of the instance's image. It is started
 * once; when its process ends it stays ended, as replacing it is for the Auto Scaling group.
 */
export class Instance {
  readonly outputFile: string;
  private readonly folder: string;
  private readonly leaving = new AbortController();
  private state: ProcessState = 'starting';
  private port = 0;
  private identity: ProcessIdentity | undefined;
  private exitCode: number | null = null;
  private exitSignal: string | null = null;
  private portsTried = 0;
  private test: TestBootRun | undefined;
  private work: Promise<void> = Promise.resolve();
  private ended: Promise<void> | undefined;

  constructor(
    private readonly facts: InstanceState,
    private readonly world: InstanceWorld,
  ) {
    this.folder = path.join(world.instances, facts.id);
    this.outputFile = path.join(this.folder, 'output.log');
  }

  /** Takes over the process that a former daemon left, or starts one. */
  begin(): void {
    this.follow(async () => {
      await mkdir(this.folder, { recursive: true });
      if (!(await this.takeOver())) await this.launch();
    });
  }

  /** Ends the process: SIGTERM to all of its group, SIGKILL after the grace period. */
  stop(): Promise<void> {
    this.ended ??= this.end();
    return this.ended;
  }

  truth(): InstanceTruth {
    return {
      host: '127.0.0.1',
      port: this.port,
      process: this.state,
      exitCode: this.exitCode,
      signal: this.exitSignal,
      pid: this.state === 'running' ? (this.identity?.pid ?? null) : null,
      logFile: this.outputFile,
    };
  }

  /** Where it is to be reached; undefined while and when nothing of it can listen. */
  address(): { host: string; port: number } | undefined {
    return this.state === 'running' ? { host: '127.0.0.1', port: this.port } : undefined;
  }

  async tidy(): Promise<void> {
    if (this.state === 'running') await capOutput(this.outputFile);
  }

  /** Runs a piece of the instance's life after what is under way; what goes wrong ends the instance. */
  private follow(piece: () => Promise<void>): void {
    this.work = this.work.then(piece).catch(async (problem: unknown) => {
      if (this.leaving.signal.aborted) return;
      await this.give(`cannot run: ${messageOf(problem)}`, null, null);
      if (!this.test) await tellNeverStarted(this.facts, this.outputFile, messageOf(problem));
    });
  }

  private async takeOver(): Promise<boolean> {
    const record = await readRecord(this.folder);
    // Processes do not outlive the machine: after its reboot the instance is started as if switched on.
    if (!record || record.boot !== (await bootId())) return false;
    this.port = record.port;
    this.identity = record;
    if (record.exited) {
      this.change('exited', record.exited.code, record.exited.signal);
    } else if (await isAlive(record)) {
      this.world.ports.keep(record.port);
      this.change('running');
      this.world.log(`${this.facts.id}: process ${record.pid} taken over on port ${record.port}`);
      void this.watchAdopted(record);
    } else {
      await this.give('its process ended while no daemon watched it', null, null);
    }
    return true;
  }

  /** A process that is not this one's child tells nobody when it ends. */
  private async watchAdopted(record: ProcessIdentity): Promise<void> {
    const { signal } = this.leaving;
    while (!signal.aborted && (await isAlive(record))) {
      await pause(ADOPTED_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
    if (!signal.aborted) this.follow(() => this.give('its process ended', null, null));
  }

  private async launch(): Promise<void> {
    const { id, imageId } = this.facts;
    const tags = { ...this.facts.tags, ...this.facts.imageTags };
    await note(this.outputFile, `${id} boots ${imageId}: ${tags['service']} ${tags['version']}`);
    const start = await this.start();
    if (start !== undefined) await this.spawn(start);
  }

  /** How its release is started: as the disk of the image says, or from the bundle that the image names. */
  private async start(): Promise<Start | undefined> {
    if (this.facts.disk !== null) return startFromDisk(this.facts, this.facts.disk);
    const folder = await this.fetchRelease();
    return folder === undefined
      ? undefined
      : { folder, command: await startCommand(folder), environment: {} };
  }

  /** The folder of the unpacked release; waits for the control plane as long as that is away. */
  private async fetchRelease(): Promise<string | undefined> {
    const { imageId, imageTags } = this.facts;
    const tag = imageTags['bascule:bundle'];
    const address = tag === undefined ? undefined : parseBundle(tag);
    if (!address) {
      throw new UnusableRelease(
        tag === undefined
          ? `image ${imageId} has no tag bascule:bundle and was not made on the build machine, so there is no release on it`
          : `the tag bascule:bundle of image ${imageId} is no s3:// address: ${tag}`,
      );
    }
    const backOff = new BackOff(`${this.facts.id}: its bundle`, this.world.log);
    while (!this.leaving.signal.aborted) {
      try {
        return await this.world.store.folderOf(address, imageTags['bascule:sha256']);
      } catch (problem) {
        if (problem instanceof UnusableRelease) throw problem;
        await backOff.failed(messageOf(problem), this.leaving.signal);
      }
    }
    return undefined;
  }

  private async spawn(start: Start): Promise<void> {
    if (this.leaving.signal.aborted) return;
    this.portsTried += 1;
    this.port = await this.world.ports.take();
    const outputStart = await outputSize(this.outputFile);
    const place = {
      sandbox: this.world.sandbox,
      release: start.folder,
      variables: start.environment,
      port: this.port,
      endpoint: await this.world.endpoint(),
    };
    const child = await spawnRelease(this.facts, place, start.command, this.outputFile, (code, signal) =>
      this.follow(() => this.onExit({ start, outputStart }, code, signal)),
    );
    await this.recordChild(child);
    this.change('running');
    this.test = await TestBootRun.start(this.facts, place, this.outputFile);
  }

  private async recordChild(child: ChildProcess): Promise<void> {
    const pid = child.pid ?? 0;
    const found = await identify(pid);
    // Without an identity it has ended already, and the exit that is on its way says the rest.
    this.identity = found ?? { pid, started: '', boot: await bootId() };
    if (found) await writeRecord(this.folder, { ...found, port: this.port, exited: null });
  }

  private async onExit(
    run: { start: Start; outputStart: number },
    code: number | null,
    signal: NodeJS.Signals | null,
  ): Promise<void> {
    // What the process left behind in its group would keep the port, and a dead machine runs nothing.
    if (this.identity) signalGroup(this.identity.pid, 'SIGKILL');
    if (this.leaving.signal.aborted) return;
    if (
      this.portsTried < MOST_PORTS_TRIED &&
      (await lostItsPort(this.outputFile, run.outputStart, this.port))
    ) {
      await note(this.outputFile, `port ${this.port} was taken by another program: starting again`);
      this.test?.forget();
      this.change('starting');
      this.world.ports.giveBack(this.port);
      return this.spawn(run.start);
    }
    await this.give(`its process ended with ${signal ?? `exit code ${code}`}`, code, signal);
    this.test?.applicationEnded();
  }

  /** The instance has nothing running any more and will not have again. */
  private async give(reason: string, code: number | null, signal: string | null): Promise<void> {
    this.world.log(`${this.facts.id}: ${reason}`);
    await note(this.outputFile, reason);
    if (this.identity) {
      await writeRecord(this.folder, { ...this.identity, port: this.port, exited: { code, signal } });
    }
    this.change('exited', code, signal);
  }

  private change(state: ProcessState, code: number | null = null, signal: string | null = null): void {
    this.state = state;
    this.exitCode = code;
    this.exitSignal = signal;
    this.world.onChange();
  }

  private async end(): Promise<void> {
    this.leaving.abort();
    await this.work;
    this.test?.forget();
    if (this.identity && this.state === 'running') {
      await note(this.outputFile, 'shutting down: SIGTERM');
      await stopGroup(this.identity.pid, this.world.graceMs);
      await waitFor(async () => (this.identity && (await isAlive(this.identity)) ? undefined : true), {
        timeoutMs: 5_000,
      });
    }
    await rm(recordFile(this.folder), { force: true });
    this.world.ports.giveBack(this.port);
    this.change('exited', this.exitCode, this.exitSignal);
  }
}
