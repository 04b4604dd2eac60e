import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { BasculeError } from '../../src/domain/errors';
import { resetSandbox, sandboxEnv, stopSandbox, withoutAws } from '../sandbox';
import type { StartOptions } from '../sandbox';
import { CommandLine, type CommandRun } from './cast';
import { judge, LEAST_REQUESTS, rehearsed, type Expectation } from './judge';
import { startLoad, type Load } from './load/load';
import { REHEARSAL, SERVICE, writeProject } from './project';
import type { RehearsalReport, RehearsedDeployment } from './report/types';
import { renderReport } from './report/render-report';

export interface RehearseOptions {
  /** The application that is deployed. */
  app: string;
  /** Whether it is the user's own: then nothing is assumed of it but its health path. */
  own: boolean;
  from: string;
  to: string;
  healthPath: string;
  versionHeader: string | null;
  /** Folders of the releases that must be refused: one that crashes at boot, one that is never healthy. */
  crashing: string;
  sick: string;
  /** The rehearsal's own folder; its sandbox and report are put here. */
  folder: string;
  bin: string;
  programs: string;
  sandbox: Omit<StartOptions, 'folder'>;
  /** Leave the sandbox running at the end. */
  keep: boolean;
  echo: (line: string) => void;
  signal: AbortSignal;
}

export interface Rehearsed {
  report: RehearsalReport;
  file: string;
  /** The folder of the sandbox that still runs; null when it was stopped. */
  kept: string | null;
}

/** The rehearsal's story: a local AWS, one release live, load on it, and everything that can happen to it. */
export async function rehearse(options: RehearseOptions): Promise<Rehearsed> {
  const startedAt = Date.now();
  const sandboxFolder = path.join(options.folder, 'sandbox');
  options.echo('Bringing up a local AWS: control plane, load balancer, instances');
  const info = await resetSandbox({ ...options.sandbox, folder: sandboxFolder });
  try {
    const project = path.join(options.folder, 'project');
    const { app, healthPath, versionHeader, programs } = options;
    await writeProject({
      folder: project,
      programs,
      bucket: info.bucket,
      region: info.region,
      healthPath,
      versionHeader,
    });
    const env = {
      ...withoutAws(process.env),
      ...sandboxEnv(info),
      BASCULE_ENGINE_FOLDER: info.engineFolder ?? '',
    };
    const bascule = new CommandLine(options.bin, project, env, options.echo, options.signal);
    const url = await bringUp(bascule, app, options.from);
    const first = await deploy(bascule, options.from, {
      what: `deploy ${options.from}`,
      exitCode: 0,
      outcome: 'succeeded',
    });
    requireSucceeded(first.run, `the first deployment, of ${options.from}`);
    const { deployments, load } = await underLoad(bascule, options, url, first.deployment);
    const report: RehearsalReport = {
      title: `Rehearsal of ${options.own ? path.basename(app) : SERVICE}: ${options.from} → ${options.to}`,
      startedAt,
      endedAt: Date.now(),
      service: options.own ? path.basename(app) : SERVICE,
      url,
      load,
      deployments,
      checks: judge(load, deployments, !options.own),
      facts: facts(options),
    };
    const file = path.join(options.folder, 'report.html');
    await writeFile(file, renderReport(report));
    return { report, file, kept: options.keep ? sandboxFolder : null };
  } finally {
    if (!options.keep) await stopSandbox({ folder: sandboxFolder });
  }
}

async function bringUp(bascule: CommandLine, app: string, version: string): Promise<string> {
  const up = await bascule.run(['up', REHEARSAL]);
  requireSucceeded(up, 'bringing the environment up');
  requireSucceeded(await bascule.run(['bake', version, '--app', app]), `baking ${version}`);
  const regions = Object.values((up.json.regions ?? {}) as Record<string, { loadBalancerUrl: string }>);
  const url = regions[0]?.loadBalancerUrl;
  if (url === undefined) throw new Error('the environment came up without a load balancer');
  return url;
}

interface Deployed {
  run: CommandRun;
  deployment: RehearsedDeployment;
}

async function deploy(bascule: CommandLine, version: string, expected: Expectation): Promise<Deployed> {
  const run = await bascule.run(['deploy', REHEARSAL, '--version', version]);
  return { run, deployment: rehearsed(run, expected) };
}

async function underLoad(
  bascule: CommandLine,
  options: RehearseOptions,
  url: string,
  first: RehearsedDeployment,
) {
  const { to } = options;
  options.echo(
    `Starting load on ${url}: keep-alive and fresh connections${options.own ? '' : ', slow requests of 4 s'}`,
  );
  const load = await startLoad({
    url,
    path: '/',
    ...(options.own ? {} : { slow: { path: '/slow?seconds=4', connections: 4 } }),
  });
  try {
    const deployments = [first];
    requireSucceeded(await bascule.run(['bake', to, '--app', options.app]), `baking ${to}`);
    deployments.push(
      (await deploy(bascule, to, { what: `deploy ${to}`, exitCode: 0, outcome: 'succeeded' })).deployment,
    );
    const back = await bascule.run(['rollback', REHEARSAL]);
    deployments.push(
      rehearsed(back, { what: `roll back to ${options.from}`, exitCode: 0, outcome: 'succeeded' }),
    );
    for (const [kind, folder] of [
      ['crashes', options.crashing],
      ['unhealthy', options.sick],
    ] as const) {
      const version = `${to}-${kind}`;
      requireSucceeded(await bascule.run(['bake', version, '--app', folder]), `baking ${version}`);
      deployments.push(
        (await deploy(bascule, version, { what: `deploy ${version}`, exitCode: 3, outcome: 'failed' }))
          .deployment,
      );
    }
    await enoughRequests(load, options);
    return { deployments, load: await load.stop() };
  } catch (thrown) {
    await load.stop().catch(() => undefined);
    throw thrown;
  }
}

async function enoughRequests(load: Load, options: RehearseOptions): Promise<void> {
  const enough = ({ sent }: { sent: number }): boolean => sent >= LEAST_REQUESTS || options.signal.aborted;
  if (enough(load.snapshot())) return;
  options.echo(`Letting the load reach ${LEAST_REQUESTS} requests`);
  await load.until(enough);
}

function requireSucceeded(run: CommandRun, what: string): void {
  if (run.exitCode === 0) return;
  const { error, message } = run.json;
  throw new BasculeError({
    code: 'BASCULE_REHEARSAL_FAILED',
    message: `The rehearsal could not go on: ${what} failed. ${error?.message ?? message ?? ''}`.trim(),
    details: error?.details ?? [],
    next: 'Mend what is named above and rehearse again.',
    exitCode: run.exitCode,
  });
}

function facts(options: RehearseOptions): Record<string, string> {
  return {
    machine: `${os.cpus().length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.platform()} ${os.arch()}`,
    node: process.version,
    application: options.own ? options.app : 'examples/service',
    'proof of the version':
      options.versionHeader === null ? 'status only' : `header ${options.versionHeader}`,
  };
}
