import { messageOf } from '../../../src/domain/errors';
import { eitherAborted } from '../../../src/domain/signals';
import { sandboxPaths, type SandboxPaths } from '../lifecycle/paths';
import { readControlPlaneFile } from '../lifecycle/settings';
import type { SandboxState, TruthReport } from '../contract';

/** How long the control plane may hold a question for news open. */
const LONG_POLL_SECONDS = 20;

/** Speaks to the control plane's own endpoints, wherever it listens at the moment. */
export class ControlPlaneClient {
  private readonly paths: SandboxPaths;

  constructor(folder: string) {
    this.paths = sandboxPaths(folder);
  }

  /** Read anew each time: a control plane that was started again may have had to take another port. */
  async endpoint(): Promise<string> {
    const file = await readControlPlaneFile(this.paths);
    if (!file) throw new Error('the control plane is not running');
    return `http://127.0.0.1:${file.port}`;
  }

  /** The state as soon as its revision is above `since`; the present one at the latest after 20 s. */
  async state(since: number, signal: AbortSignal): Promise<SandboxState> {
    const url = `${await this.endpoint()}/_bascule/state?since=${since}&wait=${LONG_POLL_SECONDS}`;
    const limit = AbortSignal.timeout((LONG_POLL_SECONDS + 10) * 1000);
    const answer = await fetch(url, { signal: eitherAborted(signal, limit) });
    if (!answer.ok)
      throw new Error(`the control plane answered ${answer.status} to a question for its state`);
    // The control plane is of the same release, and contract.ts is the agreement between the two.
    return (await answer.json()) as SandboxState;
  }

  async postTruth(report: TruthReport): Promise<void> {
    const answer = await this.ask('truth', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(report),
      signal: AbortSignal.timeout(10_000),
    });
    await answer.arrayBuffer();
  }

  private async ask(resource: string, init: RequestInit): Promise<Response> {
    const answer = await fetch(`${await this.endpoint()}/_bascule/${resource}`, init).catch(
      (problem: unknown) => {
        // fetch itself says no more than that it failed; the cause names the refused connection.
        const cause = problem instanceof Error && problem.cause !== undefined ? problem.cause : problem;
        throw new Error(`no answer (${messageOf(cause)})`, { cause: problem });
      },
    );
    if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${resource} was answered with ${answer.status}`);
    return answer;
  }
}
