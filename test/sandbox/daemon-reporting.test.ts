import { describe, expect, it } from 'vitest';
import type { SandboxState, TruthReport } from '../../automation/sandbox/contract';
import type { ControlPlaneClient } from '../../automation/sandbox/daemon/control-plane-client';
import { followState } from '../../automation/sandbox/daemon/state-feed';
import { TruthReporter } from '../../automation/sandbox/daemon/truth-reporter';
import { until } from '../support/until';

const quiet = () => undefined;

describe('following the state', () => {
  it('asks for everything again after a failure, and says that the connection is new', async () => {
    const asked: number[] = [];
    const seen: number[] = [];
    let connections = 0;
    const leaving = new AbortController();
    // A control plane that is at revision 7, dies, and counts from 2 again.
    const answers: (number | Error)[] = [7, 7, 8, new Error('ECONNRESET'), 2, 1, 1];
    const client = {
      state: async (since: number) => {
        asked.push(since);
        const answer = answers.shift();
        if (answer === undefined) leaving.abort();
        if (answer === undefined || answer instanceof Error) throw answer ?? new Error('stopped');
        return { revision: answer } as SandboxState;
      },
    } as unknown as ControlPlaneClient;
    await followState({
      client,
      onState: ({ revision }) => seen.push(revision),
      onConnected: () => (connections += 1),
      signal: leaving.signal,
      log: quiet,
    });
    expect(asked).toEqual([-1, 7, 7, 8, -1, 2, 1, 1]);
    expect(seen).toEqual([7, 8, 2, 1]);
    // The last one counts as anew because it went back without a failure in between.
    expect(connections).toBe(3);
  });
});

describe('reporting the truth', () => {
  const report = (pid: number): TruthReport => ({
    instances: {
      i: { host: 'h', port: 1, process: 'running', exitCode: null, signal: null, pid, logFile: 'f' },
    },
    targets: {},
  });

  it('puts changes together, says nothing twice, and repeats itself on request', async () => {
    let pid = 1;
    const posted: (number | null | undefined)[] = [];
    const reporter = new TruthReporter({
      observe: () => report(pid),
      post: async ({ instances }) => void posted.push(instances['i']?.pid),
      signal: new AbortController().signal,
      log: quiet,
    });
    const reaches = (count: number) =>
      until(
        async () => posted.length,
        (length) => length === count,
      );
    for (pid = 1; pid < 10; pid += 1) reporter.changed();
    await reaches(1);
    reporter.changed();
    pid = 20;
    reporter.changed();
    await reaches(2);
    reporter.repeat();
    await reaches(3);
    expect(posted).toEqual([10, 20, 20]);
  });

  it('says what has not changed again before its validity is over, and nothing once it is stopped', async () => {
    const leaving = new AbortController();
    const posted: TruthReport[] = [];
    const reporter = new TruthReporter({
      observe: () => report(1),
      post: async (one) => void posted.push(one),
      repeatMs: 30,
      signal: leaving.signal,
      log: quiet,
    });
    reporter.changed();
    await until(
      async () => posted.length,
      (length) => length >= 3,
    );
    expect(posted[0]).toEqual({ ...report(1), validSeconds: 0.12 });
    expect(posted[2]).toEqual(posted[0]);
    leaving.abort();
    // Several times as long as a repeat takes: what still came would be seen.
    const { length } = posted;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(posted).toHaveLength(length);
  });

  it('tries until it is heard, and tells the newest', async () => {
    let pid = 1;
    let failures = 3;
    const posted: (number | null | undefined)[] = [];
    const lines: string[] = [];
    const reporter = new TruthReporter({
      observe: () => report(pid),
      post: async ({ instances }) => {
        pid += 1;
        failures -= 1;
        if (failures >= 0) throw new Error('connect ECONNREFUSED');
        posted.push(instances['i']?.pid);
      },
      signal: new AbortController().signal,
      log: (line) => lines.push(line),
    });
    reporter.changed();
    await until(
      async () => posted,
      ([first]) => first !== undefined,
    );
    expect(posted).toEqual([4]);
    expect(lines).toHaveLength(2);
  });
});
