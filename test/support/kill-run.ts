/** Goes through the cases of a scenario, each on a stage that is whole. */
import { strike, type Verdict } from './kill-case';
import { KillHarness, type Recording } from './kill-harness';
import {
  pointName,
  pointOf,
  pointsOf,
  representative,
  shardOf,
  spread,
  wayOnOf,
  type KillPoint,
  type Write,
} from './kill-points';
import { scenarios, type Scenario } from './kill-scenarios';

export type ScenarioName = keyof typeof scenarios;

/** Where the second region is; the first one has the bucket. */
const SECOND_REGION = 'eu-central-1';

/**
 * Which of the points are struck: a part that stands for all, a few from all over the run, a shard of all, or the one
 * that is to be repeated.
 */
export type Choice =
  | { kind: 'spread'; count: number }
  | { kind: 'representative'; shard: string | undefined }
  | { kind: 'all'; shard: string | undefined }
  | { kind: 'one'; point: string };

export class KillRun {
  private harness: KillHarness | undefined;
  private hasTwoRegions = false;
  /** The kinds of write that were struck before, in whichever scenario. */
  private readonly covered = new Set<string>();

  private async stage({ twoRegions = false }: Scenario): Promise<KillHarness> {
    if (this.hasTwoRegions !== twoRegions) await this.dispose();
    this.hasTwoRegions = twoRegions;
    return (this.harness ??= await KillHarness.start(twoRegions ? [SECOND_REGION] : []));
  }

  async dispose(): Promise<void> {
    const { harness } = this;
    this.harness = undefined;
    await harness?.dispose();
  }

  /** @returns the verdicts on what did not survive, in words; how each case went is told on the way */
  async play(name: ScenarioName, choice: Choice): Promise<{ struck: number; complaints: string[] }> {
    const scenario = scenarios[name];
    const recording = await this.record(scenario, choice);
    const points = this.choose(recording.writes, choice);
    say(`${scenario.name}: ${recording.writes.length} writes, ${points.length} case(s)`);
    const complaints: string[] = [];
    for (const [index, point] of points.entries()) {
      await this.endWithParent();
      const verdict = await this.strike(scenario, recording, point);
      say(`${index + 1}/${points.length} ${line(verdict)}`);
      if (verdict.kind === 'survived') continue;
      complaints.push(
        `${line(verdict)}\n  again: BASCULE_KILL_SCENARIO=${name} BASCULE_KILL_POINT='${pointName(point)}'`,
      );
      // What one case broke must not be the next one's undoing.
      await this.dispose();
    }
    return { struck: points.length, complaints };
  }

  /** A run that was stopped from outside leaves this process behind: hours of cases that nobody reads. */
  private async endWithParent(): Promise<void> {
    if (process.connected !== false) return;
    await this.dispose();
    process.exit(1);
  }

  private async record(scenario: Scenario, choice: Choice): Promise<Recording> {
    // One case that goes on by itself needs no world of the way back to be held against.
    const wayBack = choice.kind !== 'one' || wayOnOf(pointOf(choice.point)) === 'abort';
    try {
      return await (await this.stage(scenario)).record(scenario, wayBack);
    } catch (thrown) {
      await this.dispose();
      throw thrown;
    }
  }

  private choose(writes: readonly Write[], choice: Choice): KillPoint[] {
    switch (choice.kind) {
      case 'representative':
        return shardOf(representative(writes, this.covered), choice.shard);
      case 'spread':
        return spread(writes, choice.count);
      case 'all':
        return shardOf(pointsOf(writes), choice.shard);
      case 'one':
        return pointsOf(writes).filter((point) => pointName(point) === choice.point);
    }
  }

  private async strike(scenario: Scenario, recording: Recording, point: KillPoint): Promise<Verdict> {
    try {
      return await strike(await this.stage(scenario), scenario, recording, point);
    } catch (thrown) {
      const flaws = [thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)];
      return {
        point,
        kind: 'flawed',
        what: 'the case broke off',
        flaws,
        seconds: { whole: 0, killed: 0, onward: 0 },
      };
    }
  }
}

function line({ point, kind, what, flaws, seconds }: Verdict): string {
  const { whole, killed, onward } = seconds;
  const head = `${kind}: ${pointName(point)}, ${what}, ${whole} s (run ${killed}, then ${onward})`;
  return [head, ...flaws.map((flaw) => `  ${flaw}`)].join('\n');
}

const say = (text: string): void => void process.stderr.write(`kill test: ${text}\n`);
