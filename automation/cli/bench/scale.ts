import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deploy } from '../../operations/deploy';
import { totalCalls, type Timing } from './measure';
import { SimulatedClock } from './simulation/clock';
import { simulatedEnvironment, type Size } from './simulation/environment';

/** What a simulated deployment took. */
export interface Scaled {
  size: Size;
  /** Of the processor, for this process: what else the machine does makes no difference. */
  seconds: number;
  /** In the simulation. */
  simulatedMinutes: number;
  calls: Record<string, number>;
  /** Seconds of the simulation that calls waited for their turn, all of them together. */
  heldBackSeconds: number;
  /** Most memory in use while it ran, the simulated AWS included, beyond what there was before. */
  memoryMib: number;
}

/** Each is larger than the first of its way in one respect, or, the largest, in all. */
export const SIZES: readonly Size[] = [
  { regions: 5, instances: 250, rules: 25 },
  { regions: 10, instances: 250, rules: 25 },
  { regions: 20, instances: 250, rules: 25 },
  { regions: 5, instances: 1000, rules: 25 },
  { regions: 5, instances: 250, rules: 100 },
  { regions: 20, instances: 1000, rules: 100 },
  { regions: 5, instances: 250, rules: 25, together: true },
  { regions: 20, instances: 250, rules: 25, together: true },
];

/** Time between two looks at the memory, each of which has to collect what nobody uses any more. */
const LOOK_EVERY_MILLISECONDS = 2_000;

/**
 * How much worse than linear a measurement may come out: calls are counted, and everything else is measured on a
 * machine that does other things as well.
 */
const SLACK = { calls: 1.05, seconds: 1.6, memoryMib: 1.3 } as const;

/** Below this a growth is lost in what every process takes. */
const LEAST = { calls: 0, seconds: 1, memoryMib: 20 } as const;

/** A whole deployment of a simulated environment; throws where it fails or calls more than AWS documents. */
export async function deployAtScale(size: Size): Promise<Scaled> {
  const memory = new Memory();
  const clock = new SimulatedClock(() => memory.look(LOOK_EVERY_MILLISECONDS));
  const { session, calls } = simulatedEnvironment(size, clock);
  // What is there at the beginning is up before anything is measured.
  await clock.wait(3600_000);
  memory.begin();
  const [began, simulatedFrom] = [processorSeconds(), clock.now()];
  const result = await deploy(session, { version: '2.0.0', force: false });
  const seconds = processorSeconds() - began - memory.spent;
  memory.look(0);
  if (result.kind !== 'deployed' || result.outcome !== 'succeeded')
    throw new Error(`the simulated deployment did not succeed: ${result.message}`);
  if (calls.refused.length > 0)
    throw new Error(`${calls.refused.length} calls were more than AWS documents, first ${calls.refused[0]}`);
  return {
    size,
    seconds,
    simulatedMinutes: (clock.now() - simulatedFrom) / 60_000,
    calls: calls.counts,
    heldBackSeconds: calls.heldBack / 1000,
    memoryMib: memory.most / 2 ** 20,
  };
}

/** Runs all sizes, the smallest twice: the first one warms the compiler up. */
export async function scaleTimings(sizes: readonly Size[], say: (line: string) => void): Promise<Timing[]> {
  const [smallest] = sizes;
  if (smallest !== undefined) await deployAtScale(smallest);
  const measured: Scaled[] = [];
  for (const size of sizes) {
    const one = await deployAtScale(size);
    say(`  ${describe(size)}: ${one.seconds.toFixed(1)} s, ${totalCalls(one.calls)} calls`);
    measured.push(one);
  }
  const problems = growthProblems(measured);
  if (problems.length > 0) throw new Error(`worse than linear: ${problems.join('; ')}`);
  return measured.map(timingOf);
}

/** Where something grew more than what it is for: of two sizes of which one is as large as the other or larger. */
export function growthProblems(measured: readonly Scaled[]): string[] {
  return measured.flatMap((small, index) =>
    measured.slice(index + 1).flatMap((large) => {
      const factor = growthOf(small.size, large.size);
      if (factor <= 1) return [];
      return (['calls', 'seconds', 'memoryMib'] as const).flatMap((what) => {
        const [from, to] = [valueOf(small, what), valueOf(large, what)];
        const allowed = Math.max(LEAST[what], from) * factor * SLACK[what];
        if (to <= allowed) return [];
        const text = `${what} from ${from.toFixed(1)} to ${to.toFixed(1)}`;
        return [`${describe(small.size)} to ${describe(large.size)}: ${text}, ${factor} times as large`];
      });
    }),
  );
}

/** How many times as large; 0 where the second is smaller in any respect, or the two go in different ways. */
function growthOf(small: Size, large: Size): number {
  if (small.together !== large.together) return 0;
  const factors = (['regions', 'instances', 'rules'] as const).map((what) => large[what] / small[what]);
  return factors.some((factor) => factor < 1) ? 0 : factors.reduce((product, factor) => product * factor, 1);
}

function valueOf(scaled: Scaled, what: keyof typeof SLACK): number {
  return what === 'calls' ? totalCalls(scaled.calls) : scaled[what];
}

function timingOf(scaled: Scaled): Timing {
  const { size, seconds, simulatedMinutes, heldBackSeconds, memoryMib, calls } = scaled;
  const kinds = Object.entries(calls)
    .sort(([, one], [, other]) => other - one)
    .map(([call, count]) => `${call} ${count}`);
  const rounded = Math.round(seconds * 1000) / 1000;
  return {
    name: `simulated deployment of ${describe(size)}`,
    latencyMilliseconds: 0,
    runs: 1,
    medianSeconds: rounded,
    minSeconds: rounded,
    maxSeconds: rounded,
    awsCalls: calls,
    note: `${Math.round(memoryMib)} MiB; ${Math.round(simulatedMinutes)} simulated minutes, in which calls waited ${Math.round(heldBackSeconds)} s for AWS's documented rates; ${kinds.join(', ')}`,
  };
}

function describe({ regions, instances, rules, together = false }: Size): string {
  return `${regions} regions × ${instances} instances × ${rules} rules${together ? ', all at once' : ''}`;
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Memory in use, once what nobody uses any more was collected. */
class Memory {
  /** Bytes, beyond what there was when it was made. */
  most = 0;
  /** Seconds of the processor that looking took since it began. */
  spent = 0;
  private readonly collect = collector();
  private readonly before = this.inUse();
  private lookedAt = 0;

  begin(): void {
    this.spent = 0;
    this.lookedAt = performance.now();
  }

  look(every: number): void {
    if (performance.now() - this.lookedAt < every) return;
    const began = processorSeconds();
    this.most = Math.max(this.most, this.inUse() - this.before);
    this.lookedAt = performance.now();
    this.spent += processorSeconds() - began;
  }

  private inUse(): number {
    this.collect();
    return process.memoryUsage().heapUsed;
  }
}

/** The garbage collector, which Node hides unless it is asked for. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
