/** What one thing took, over its runs. */
export interface Timing {
  name: string;
  latencyMilliseconds: number;
  runs: number;
  medianSeconds: number;
  minSeconds: number;
  maxSeconds: number;
  /** AWS calls of the driver's own process in one run. */
  awsCalls?: Record<string, number>;
  note?: string;
}

/** Runs something several times and keeps how long each took. */
export async function timed(
  name: string,
  latencyMilliseconds: number,
  runs: number,
  work: (
    run: number,
  ) => Promise<{ seconds?: number; awsCalls?: Record<string, number>; note?: string } | void>,
): Promise<Timing> {
  const seconds: number[] = [];
  let last: { awsCalls?: Record<string, number>; note?: string } = {};
  for (let run = 0; run < runs; run += 1) {
    const began = performance.now();
    const told = await work(run);
    seconds.push(told?.seconds ?? (performance.now() - began) / 1000);
    last = told ?? {};
  }
  seconds.sort((one, other) => one - other);
  const round = (value: number | undefined): number => Math.round((value ?? 0) * 1000) / 1000;
  return {
    name,
    latencyMilliseconds,
    runs,
    medianSeconds: round(seconds[Math.floor(seconds.length / 2)]),
    minSeconds: round(seconds[0]),
    maxSeconds: round(seconds.at(-1)),
    ...(last.awsCalls === undefined ? {} : { awsCalls: last.awsCalls }),
    ...(last.note === undefined ? {} : { note: last.note }),
  };
}

export function totalCalls(calls: Record<string, number> | undefined): number {
  return Object.values(calls ?? {}).reduce((sum, count) => sum + count, 0);
}
