import { daemonStatusSchema, type DaemonStatus } from '../daemon/admin';
import type { LoadBalancerState, ProcessState, RegionCut, SandboxState, TargetTruth } from '../contract';
import { answersSsh } from './build-machine';
import { answersHealth, runningControlPlane } from './control-plane';
import { findSandbox, type SandboxInfo } from './info';
import { processFile, sandboxPaths, type SandboxPaths } from './paths';
import { recordedProcess } from './processes';
import { readDaemonFile } from './settings';

export interface PartStatus {
  name: 'control plane' | 'daemon' | 'build machine';
  /** hung: its process lives but does not answer. */
  state: 'running' | 'hung' | 'stopped';
  pid: number | null;
  logFile: string;
}

export interface ListenerStatus {
  url: string;
  /** Why it does not listen; null while it does. */
  problem: string | null;
}

export interface InstanceStatus {
  id: string;
  account: string;
  region: string;
  /** As EC2 calls it. */
  state: string;
  service: string;
  environment: string;
  colour: string;
  version: string;
  /** absent: the daemon has none for it. */
  process: ProcessState | 'absent';
  pid: number | null;
  /** host:port of the process; null while it has none. */
  address: string | null;
  /** By target group name. */
  health: { targetGroup: string; state: string; reason: string | null }[];
  logFile: string | null;
}

export interface SandboxStatus {
  /** running: all parts answer; partly: `start` mends it; stopped; absent: never started in this folder. */
  state: 'running' | 'partly' | 'stopped' | 'absent';
  sandbox: SandboxInfo | null;
  parts: PartStatus[];
  loadBalancers: { name: string; account: string; region: string; listeners: ListenerStatus[] }[];
  instances: InstanceStatus[];
  openRequests: number;
  /** Regions that are cut off. */
  cuts: RegionCut[];
}

/** What runs of a sandbox and what it serves; changes nothing, and works whatever is broken. */
export async function sandboxStatus(options: { folder?: string }): Promise<SandboxStatus> {
  const sandbox = await findSandbox(options);
  const nothing = { parts: [], loadBalancers: [], instances: [], openRequests: 0, cuts: [] };
  if (!sandbox) return { state: 'absent', sandbox: null, ...nothing };
  const paths = sandboxPaths(sandbox.folder);
  const [controlPlane, { part: daemon, status }, machine] = await Promise.all([
    controlPlanePart(paths),
    daemonPart(paths),
    buildMachinePart(paths, sandbox),
  ]);
  const parts = [controlPlane, daemon, ...machine];
  const running = parts.filter(({ state }) => state === 'running').length;
  const wholeState = await stateOf(sandbox, controlPlane, status);
  return {
    state: running === parts.length ? 'running' : parts.every(isStopped) ? 'stopped' : 'partly',
    sandbox,
    parts,
    loadBalancers: (wholeState?.loadBalancers ?? []).map((one) => describeLoadBalancer(one, status)),
    instances: wholeState ? describeInstances(wholeState, status) : [],
    openRequests: status?.openRequests ?? 0,
    cuts: wholeState?.cuts ?? [],
  };
}

const isStopped = ({ state }: PartStatus) => state === 'stopped';

async function controlPlanePart(paths: SandboxPaths): Promise<PartStatus> {
  const found = await runningControlPlane(paths);
  const state = !found ? 'stopped' : (await answersHealth(found.port)) ? 'running' : 'hung';
  return { name: 'control plane', state, pid: found?.pid ?? null, logFile: paths.controlPlaneLog };
}

async function daemonPart(
  paths: SandboxPaths,
): Promise<{ part: PartStatus; status: DaemonStatus | undefined }> {
  const alive = await recordedProcess(processFile(paths, 'daemon'));
  const status = alive && (await askDaemon(paths));
  const state = !alive ? 'stopped' : status ? 'running' : 'hung';
  return { part: { name: 'daemon', state, pid: alive?.pid ?? null, logFile: paths.daemonLog }, status };
}

/** Only where the sandbox is to have one. */
async function buildMachinePart(paths: SandboxPaths, { buildMachine }: SandboxInfo): Promise<PartStatus[]> {
  if (buildMachine === null) return [];
  const alive = await recordedProcess(processFile(paths, 'build-machine'));
  const state = !alive ? 'stopped' : (await answersSsh(buildMachine.port)) ? 'running' : 'hung';
  return [{ name: 'build machine', state, pid: alive?.pid ?? null, logFile: paths.buildMachineLog }];
}

async function askDaemon(paths: SandboxPaths): Promise<DaemonStatus | undefined> {
  const file = await readDaemonFile(paths);
  if (!file) return undefined;
  try {
    const answer = await fetch(`http://127.0.0.1:${file.adminPort}/status`, {
      signal: AbortSignal.timeout(3_000),
    });
    const body: unknown = await answer.json();
    return daemonStatusSchema.safeParse(body).success ? (body as DaemonStatus) : undefined;
  } catch {
    // Reported as a daemon that hangs.
    return undefined;
  }
}

/** The control plane's state; while that is away, the last one that the daemon saw. */
async function stateOf(
  { endpoint }: SandboxInfo,
  controlPlane: PartStatus,
  daemon: DaemonStatus | undefined,
): Promise<SandboxState | undefined> {
  if (controlPlane.state === 'running') {
    const answer = await fetch(`${endpoint}/_bascule/state?since=-1&wait=0`, {
      signal: AbortSignal.timeout(5_000),
    }).catch(() => undefined);
    if (answer?.ok) return (await answer.json()) as SandboxState;
  }
  return daemon?.state ?? undefined;
}

function describeLoadBalancer(
  { name, account, region, address, listeners }: LoadBalancerState,
  daemon: DaemonStatus | undefined,
): SandboxStatus['loadBalancers'][number] {
  return {
    name,
    account,
    region,
    listeners: listeners.map(({ arn, port, protocol }) => {
      const problem = daemon?.problems.find(({ listenerArn }) => listenerArn === arn)?.message ?? null;
      return {
        url: `${protocol.toLowerCase()}://${address}:${port}/`,
        problem: daemon ? problem : 'the daemon is not running',
      };
    }),
  };
}

function describeInstances(state: SandboxState, daemon: DaemonStatus | undefined): InstanceStatus[] {
  return state.instances
    .filter((instance) => instance.state !== 'terminated')
    .map((instance) => {
      const truth = daemon?.instances[instance.id];
      const tag = (name: string) => instance.tags[name] ?? instance.imageTags[name] ?? '';
      return {
        id: instance.id,
        account: instance.account,
        region: instance.region,
        state: instance.state,
        service: tag('service'),
        environment: tag('environment'),
        colour: tag('colour'),
        version: tag('version'),
        process: truth?.process ?? 'absent',
        pid: truth?.pid ?? null,
        address: truth && truth.port > 0 ? `${truth.host}:${truth.port}` : null,
        health: healthOf(instance.id, state, daemon?.targets ?? {}),
        logFile: truth?.logFile ?? null,
      };
    });
}

function healthOf(
  id: string,
  { targetGroups }: SandboxState,
  targets: Record<string, Record<string, TargetTruth>>,
): InstanceStatus['health'] {
  return targetGroups.flatMap(({ arn, name }) => {
    const truth = targets[arn]?.[id];
    return truth ? [{ targetGroup: name, state: truth.state, reason: truth.reason }] : [];
  });
}
