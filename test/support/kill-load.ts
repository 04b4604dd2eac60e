/** Requests that never stop while deployments are killed: to the default action and to a rule. */
import { startLoad, type Load } from '../../automation/rehearsal/load/load';

/** Each route by a load of its own; the example service knows nothing below /api, which is an answer all the same. */
const PATHS = ['/', '/api/orders'];

export class KillLoad {
  private constructor(
    private readonly routes: string[],
    private readonly loads: Load[],
  ) {}

  static async start(urls: readonly string[]): Promise<KillLoad> {
    const routes = urls.flatMap((url) => PATHS.map((path) => ({ url, path })));
    const loads = routes.map((route) =>
      startLoad({
        ...route,
        keepAliveConnections: 3,
        freshConnections: 1,
        requestsPerSecond: 30,
        bucketMilliseconds: 1000,
        failOn: 'server-error',
      }),
    );
    const names = routes.map(({ url, path }) => `${url}${path}`);
    return new KillLoad(names, await Promise.all(loads));
  }

  /** How many requests failed until now, for each load. */
  async failures(): Promise<number[]> {
    const now = Date.now();
    const results = await Promise.all(this.loads.map((load) => load.until(({ endedAt }) => endedAt >= now)));
    return results.map(({ failed, unaccounted }) => failed + unaccounted);
  }

  /** What failed since then, in words. */
  async since(before: readonly number[]): Promise<string[]> {
    const now = await this.failures();
    return now.flatMap((failed, index) => {
      const former = before[index] ?? 0;
      if (failed === former) return [];
      const kept = this.loads[index]?.snapshot().failures.slice(former) ?? [];
      const reasons = kept.map(
        ({ at, reason, target }) => `${new Date(at).toISOString()} ${reason} (${target})`,
      );
      return [
        `load ${this.routes[index]}: ${failed - former} request(s) failed: ${reasons.slice(0, 3).join('; ')}`,
      ];
    });
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.loads.map((load) => load.stop()));
  }
}
