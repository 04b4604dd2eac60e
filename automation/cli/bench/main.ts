import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { otherColour, type Colour } from '../../../src/domain/colour';
import { callCounts } from '../../../src/adapters/aws';
import { table } from '../output/tables';
import { sandboxParts } from '../setup';
import { PortPool } from '../../sandbox/daemon/free-port';
import { projectFolder } from '../../engine/folders';
import { CommandLine, type CommandRun } from '../../rehearsal/cast';
import { REHEARSAL, writeProject } from '../../rehearsal/project';
import {
  clearFaults,
  injectFaults,
  resetSandbox,
  sandboxEnv,
  stopSandbox,
  type SandboxInfo,
} from '../../sandbox';
import { bootSeconds } from './boot';
import { cutover, loadBalancerWithRules } from './cutover';
import { detectionTimings } from './detection';
import { fleetTimings } from './fleet';
import { timed, totalCalls, type Timing } from './measure';
import { previewTiming } from './preview';
import { scaleTimings, SIZES } from './scale';

const ports = new PortPool();

const LATENCIES = [0, 100];
const RULES = [1, 10, 100];

const PARTS = ['fleet', 'deployment', 'cutover', 'preview', 'detection', 'scale'] as const;
type Part = (typeof PARTS)[number];

/** All parts, or those that are named: `npm run bench -- detection`. */
function partsOf(named: readonly string[]): ReadonlySet<Part> {
  const chosen = PARTS.filter((part) => named.length === 0 || named.includes(part));
  if (chosen.length < named.length) throw new Error(`the parts of the bench are ${PARTS.join(', ')}`);
  return new Set(chosen);
}

/** `npm run bench`: prints what things take, and writes the same as JSON. */
async function main(): Promise<void> {
  const chosen = partsOf(process.argv.slice(2));
  const root = projectFolder();
  const folder = path.join(root, '.bascule', 'bench');
  await mkdir(folder, { recursive: true });
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  // First, in a process that has not grown yet; it needs no sandbox.
  const simulated = chosen.has('scale') ? await scaleTimings(SIZES, say) : [];
  const others = [...chosen].some((part) => part !== 'scale');
  const timings = others ? await sandboxTimings(root, folder, chosen, say) : [];
  await report([...timings, ...simulated], folder);
}

async function sandboxTimings(
  root: string,
  folder: string,
  chosen: ReadonlySet<Part>,
  say: (line: string) => void,
): Promise<Timing[]> {
  const parts = await sandboxParts(undefined);
  say('starting a sandbox of its own');
  const info = await resetSandbox({ ...parts, folder: path.join(folder, 'sandbox') });
  Object.assign(process.env, sandboxEnv(info), {
    BASCULE_ENGINE_FOLDER: parts.engineFolder,
    BASCULE_HOME: root,
  });
  try {
    return await measureAll({ root, folder, info, say, chosen });
  } finally {
    await stopSandbox({ folder: info.folder });
  }
}

async function report(timings: readonly Timing[], folder: string): Promise<void> {
  const memory = process.resourceUsage().maxRSS / 1024;
  print(timings);
  const machine = `${os.cpus().length} cores, ${os.platform()} ${os.arch()}, node ${process.version}`;
  process.stdout.write(
    `\nmachine: ${machine}; peak memory of the bench's own process: ${Math.round(memory)} MiB\n`,
  );
  const file = path.join(folder, 'bench.json');
  await writeFile(
    file,
    JSON.stringify({ machine, at: new Date().toISOString(), timings, callsOfBench: callCounts() }, null, 2),
  );
  process.stdout.write(`JSON: ${path.relative(process.cwd(), file)}\n`);
}

interface Bench {
  root: string;
  folder: string;
  info: SandboxInfo;
  say: (line: string) => void;
  chosen: ReadonlySet<Part>;
}

async function measureAll({ root, folder, info, say, chosen }: Bench): Promise<Timing[]> {
  const project = path.join(folder, 'project');
  const settings = {
    folder: project,
    programs: path.join(root, 'dist/stacks/index.js'),
    bucket: info.bucket,
    region: info.region,
  };
  await writeProject({ ...settings, healthPath: '/health', versionHeader: 'x-version' });
  const bascule = new CommandLine(
    path.join(root, 'bin/bascule.js'),
    project,
    process.env,
    say,
    new AbortController().signal,
  );
  mustSucceed(await bascule.run(['up', REHEARSAL]));
  for (const version of ['1.0.0', '2.0.0', '3.0.0', '4.0.0', '5.0.0'])
    mustSucceed(await bascule.run(['bake', version, '--app', path.join(root, 'examples/service')]));
  mustSucceed(await bascule.run(['deploy', REHEARSAL, '--version', '1.0.0']));
  const timings: Timing[] = [];
  for (const latency of LATENCIES) {
    await setLatency(info, latency);
    say(`at ${latency} ms of added latency for each AWS call`);
    const colour = await idleColour(bascule);
    if (chosen.has('fleet'))
      timings.push(...(await fleetTimings({ project, region: info.region, colour, latency, say })));
    if (chosen.has('deployment')) timings.push(...(await deploymentTimings(bascule, latency)));
    if (chosen.has('cutover')) timings.push(...(await cutoverTimings(info, latency, say)));
  }
  await clearFaults({ folder: info.folder });
  if (chosen.has('preview'))
    timings.push(await previewTiming({ bascule, project, versions: ['1.0.0', '2.0.0'], say }));
  if (!chosen.has('detection')) return timings;
  const { bucket, region } = info;
  const versions = [
    { what: 'once it has served a while', version: '6.0.0-wears', app: 'wears' },
    { what: 'from the first request on', version: '7.0.0-errors', app: 'errors' },
  ];
  for (const { version, app } of versions)
    mustSucceed(await bascule.run(['bake', version, '--app', path.join(root, 'examples/broken', app)]));
  const idle = await idleColour(bascule);
  timings.push(...(await detectionTimings({ bascule, project, bucket, region, versions, idle, say })));
  return timings;
}

async function setLatency({ folder }: SandboxInfo, milliseconds: number): Promise<void> {
  if (milliseconds === 0) await clearFaults({ folder });
  else await injectFaults({ folder }, [{ kind: 'latency', milliseconds }]);
}

async function idleColour(bascule: CommandLine): Promise<Colour> {
  const { json } = await bascule.run(['status', REHEARSAL]);
  const regions = json.regions as { live: Colour }[];
  return otherColour(regions[0]?.live ?? 'blue');
}

let nextVersion = 2;

async function deploymentTimings(bascule: CommandLine, latency: number): Promise<Timing[]> {
  const details: string[] = [];
  let calls: Record<string, number> | undefined;
  const whole = await timed('deployment, whole command', latency, 1, async () => {
    const run = mustSucceed(await bascule.run(['deploy', REHEARSAL, '--version', `${nextVersion}.0.0`]));
    nextVersion += 1;
    calls = run.json.measured?.awsCalls;
    for (const step of run.json.steps ?? []) details.push(`${step.step} ${step.seconds ?? 0} s`);
    return {
      awsCalls: calls ?? {},
      note: `peak memory ${run.json.measured?.peakMemoryMib ?? 0} MiB; ${details.join('; ')}`,
    };
  });
  const app = path.join(projectFolder(), 'examples', 'service');
  const boot = await timed("the application's own boot", latency, 3, async () => ({
    seconds: await bootSeconds(app, await ports.take(), '/health'),
  }));
  return [whole, boot, apart(whole, boot)];
}

/** What is Bascule's and AWS's of a deployment: the whole of it without the application's boot. */
function apart(whole: Timing, boot: Timing): Timing {
  const less = (seconds: number): number => Math.round((seconds - boot.medianSeconds) * 1000) / 1000;
  return {
    name: "deployment apart from the application's own boot",
    latencyMilliseconds: whole.latencyMilliseconds,
    runs: whole.runs,
    medianSeconds: less(whole.medianSeconds),
    minSeconds: less(whole.minSeconds),
    maxSeconds: less(whole.maxSeconds),
  };
}

async function cutoverTimings(
  info: SandboxInfo,
  latency: number,
  say: (line: string) => void,
): Promise<Timing[]> {
  const timings: Timing[] = [];
  for (const rules of RULES) {
    await setLatency(info, 0);
    const pair: [number, number] = [await ports.take(), await ports.take()];
    const bench = await loadBalancerWithRules(info.region, `bench-${rules}-${latency}`, rules, pair);
    await setLatency(info, latency);
    const mixed: number[] = [];
    const colours = ['green', 'blue', 'green', 'blue', 'green'] as const;
    timings.push(
      await timed(`cutover of ${rules} route(s)`, latency, colours.length, async (run) => {
        const result = await cutover(bench, colours[run] ?? 'green');
        mixed.push(result.mixedSeconds);
        return { seconds: result.seconds, awsCalls: result.awsCalls };
      }),
    );
    timings.push(
      await timed(`  its mixed window`, latency, mixed.length, (run) =>
        Promise.resolve({ seconds: mixed[run] ?? 0 }),
      ),
    );
    say(`  cutover of ${rules} route(s) measured`);
    await bench.remove();
  }
  return timings;
}

function mustSucceed(run: CommandRun): CommandRun {
  if (run.exitCode !== 0)
    throw new Error(`a command of the bench failed: ${JSON.stringify(run.json.error ?? run.json.message)}`);
  return run;
}

function print(timings: readonly Timing[]): void {
  const rows = timings.map((one) => [
    one.name,
    `${one.latencyMilliseconds} ms`,
    one.medianSeconds.toFixed(2),
    `${one.minSeconds.toFixed(2)}–${one.maxSeconds.toFixed(2)}`,
    String(one.runs),
    one.awsCalls === undefined ? '' : String(totalCalls(one.awsCalls)),
  ]);
  process.stdout.write(
    `${table([['WHAT', 'LATENCY', 'MEDIAN s', 'RANGE s', 'RUNS', 'AWS CALLS'], ...rows])}\n`,
  );
  for (const { name, latencyMilliseconds, note } of timings)
    if (note !== undefined) process.stdout.write(`${name} at ${latencyMilliseconds} ms: ${note}\n`);
}

main().catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
  process.exitCode = 1;
});
