import { mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Readable } from 'node:stream';
import { NoSuchBucket, NoSuchKey } from '@aws-sdk/client-s3';
import { messageOf } from '../../../src/domain/errors';
import { writeJson } from '../lifecycle/files';
import { sandboxPaths, type SandboxPaths } from '../lifecycle/paths';
import { SANDBOX_REGION } from '../lifecycle/settings';
import type { SandboxState } from '../contract';
import { DataPlane, type CertificateAuthority } from '../loadbalancer';
import { serveAdmin, type DaemonStatus } from './admin';
import { Clients } from './clients';
import { CommandRunner } from './command-runner';
import { ControlPlaneClient } from './control-plane-client';
import { PortPool } from './free-port';
import { agentBatches, metricBatches, type MetricBatch } from './metric-data';
import { publishMetrics } from './metrics-publisher';
import { ReleaseStore, UnusableRelease, type BundleAddress } from './release-store';
import { followState } from './state-feed';
import { forgetOldInstances, Supervisor } from './supervisor';
import { TruthReporter } from './truth-reporter';

/** Between SIGTERM and SIGKILL of an instance, unless BASCULE_SANDBOX_GRACE_SECONDS says otherwise. */
const GRACE_SECONDS = 5;

/** Makes the control plane's facts true: instances as processes, load balancers as listening sockets. */
export class Daemon {
  private readonly paths: SandboxPaths;
  private readonly startedAt = Date.now();
  private readonly client: ControlPlaneClient;
  private readonly clients = new Clients();
  private readonly dataPlane: DataPlane;
  private readonly store: ReleaseStore;
  private readonly supervisor: Supervisor;
  private readonly commands: CommandRunner;
  private readonly reporter: TruthReporter;
  private state: SandboxState | null = null;
  private announced: Promise<void> | undefined;

  constructor(
    folder: string,
    private readonly log: (line: string) => void,
    private readonly signal: AbortSignal,
    authority: CertificateAuthority,
  ) {
    this.paths = sandboxPaths(folder);
    this.client = new ControlPlaneClient(folder);
    this.dataPlane = new DataPlane({ log, certificates: { authority } });
    this.store = new ReleaseStore(this.paths.releases, (address) => this.openBundle(address));
    this.reporter = new TruthReporter({
      observe: () => ({
        // Targets of this state are already those of the data plane, also while it still opens ports.
        ...(this.state ? { revision: this.state.revision } : {}),
        instances: this.supervisor.truth(),
        targets: this.dataPlane.targetHealth(),
        commands: this.commands.truth(),
      }),
      post: (report) => this.client.postTruth(report),
      signal,
      log,
    });
    this.supervisor = new Supervisor({
      sandbox: folder,
      instances: this.paths.instances,
      store: this.store,
      ports: new PortPool(),
      endpoint: () => this.client.endpoint(),
      graceMs: graceSeconds() * 1000,
      onChange: () => this.reporter.changed(),
      log,
    });
    this.commands = new CommandRunner({
      instances: this.paths.instances,
      onChange: () => this.reporter.changed(),
      log,
    });
    this.dataPlane.onHealthChange(() => this.reporter.changed());
  }

  /** Works until the signal is aborted, then ends the instances and closes the listeners. */
  async run(): Promise<void> {
    await Promise.all(
      [this.paths.instances, this.paths.releases].map((path) => mkdir(path, { recursive: true })),
    );
    await Promise.all([this.store.tidy(), forgetOldInstances(this.paths.instances)]);
    const admin = await serveAdmin(() => this.status());
    const metrics = publishMetrics({
      clients: this.clients,
      endpoint: () => this.client.endpoint(),
      collect: () => this.collectMetrics(),
      signal: this.signal,
      log: this.log,
    });
    await followState({
      client: this.client,
      onState: (state) => this.apply(state, admin.port),
      // One that was away may have been started anew, and has then lost what was reported to it.
      onConnected: () => this.reporter.repeat(),
      signal: this.signal,
      log: this.log,
    });
    await metrics;
    await this.shutDown(admin.server);
  }

  private apply(state: SandboxState, adminPort: number): void {
    this.state = state;
    this.supervisor.reconcile(state.instances);
    this.commands.reconcile(state);
    const applied = this.dataPlane.apply(state, (id) => this.supervisor.address(id));
    this.reporter.changed();
    // Only then: whoever waits for the daemon may expect what the control plane holds to be in force.
    this.announced ??= applied.then(() => this.announce(adminPort));
    void Promise.all([applied, this.announced]).catch((problem: unknown) =>
      this.log(`revision ${state.revision} is not fully in force: ${messageOf(problem)}`),
    );
  }

  private async announce(adminPort: number): Promise<void> {
    await writeJson(this.paths.daemon, { pid: process.pid, startedAt: this.startedAt, adminPort });
  }

  private collectMetrics(): MetricBatch[] {
    const samples = this.dataPlane.drainMetrics();
    const connections = this.dataPlane.drainConnections();
    if (!this.state) return [];
    const health = this.dataPlane.targetHealth();
    const now = new Date();
    const open = this.dataPlane.openByInstance();
    return [
      ...metricBatches(this.state, { samples, connections, health, now }),
      ...agentBatches(this.state, (id) => open.get(id) ?? 0, now),
    ];
  }

  private async openBundle({ bucket, key }: BundleAddress): Promise<Readable> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const s3 = await this.clients.s3(await this.client.endpoint(), SANDBOX_REGION);
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Body as Readable;
    } catch (problem) {
      if (!(problem instanceof NoSuchKey || problem instanceof NoSuchBucket)) throw problem;
      throw new UnusableRelease(`its bundle s3://${bucket}/${key} does not exist (${problem.name})`);
    }
  }

  private status(): DaemonStatus {
    return {
      pid: process.pid,
      startedAt: this.startedAt,
      state: this.state,
      instances: this.supervisor.truth(),
      targets: this.dataPlane.targetHealth(),
      problems: this.dataPlane.listenerProblems(),
      openRequests: this.dataPlane.openRequests(),
    };
  }

  private async shutDown(admin: Server): Promise<void> {
    this.log('stopping');
    await rm(this.paths.daemon, { force: true });
    // Listeners first: a request that comes now is refused instead of failing half-way.
    await this.dataPlane.close();
    await this.commands.close();
    await this.supervisor.close();
    this.clients.close();
    admin.closeAllConnections();
    admin.close();
    this.log('stopped');
  }
}

function graceSeconds(): number {
  const given = Number(process.env['BASCULE_SANDBOX_GRACE_SECONDS']);
  return Number.isFinite(given) && given > 0 ? given : GRACE_SECONDS;
}
