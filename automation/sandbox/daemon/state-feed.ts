import { messageOf } from '../../../src/domain/errors';
import type { SandboxState } from '../contract';
import { BackOff } from './back-off';
import type { ControlPlaneClient } from './control-plane-client';

export interface StateFeedOptions {
  client: ControlPlaneClient;
  /** Called with each new state, in order. */
  onState: (state: SandboxState) => void;
  /** Called when the control plane answers for the first time, and again each time after it was away. */
  onConnected: () => void;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** Follows the control plane's state until the signal is aborted, through any number of its restarts. */
export async function followState(options: StateFeedOptions): Promise<void> {
  const { client, onState, onConnected, signal, log } = options;
  const backOff = new BackOff('state of the control plane', log);
  let revision: number | undefined;
  while (!signal.aborted) {
    try {
      // Once the connection was lost, all is asked for at once: a control plane that started anew may count
      // from 0 again, and would keep a question for something newer than the old number waiting.
      const state = await client.state(revision ?? -1, signal);
      const isFresh = revision === undefined || state.revision < revision;
      if (isFresh || state.revision !== revision) onState(state);
      if (isFresh) onConnected();
      revision = state.revision;
      backOff.succeeded();
    } catch (problem) {
      if (signal.aborted) return;
      revision = undefined;
      await backOff.failed(messageOf(problem), signal);
    }
  }
}
