import type { Plugin, Resource } from '../model/plugin';
import type { Props } from '../rpc/values';
import type { LineLog } from './engine-log';
import { LocalCommand } from './local-command';

const COMMAND = 'command:local:Command';

/** The command plugin: commands on this machine. */
export class CommandPlugin implements Plugin {
  readonly version = '1.2.1';
  private readonly interrupted = new AbortController();
  private readonly command: Resource;

  constructor(log: LineLog) {
    this.command = new LocalCommand(this.interrupted.signal, log);
  }

  configure(): void {
    // The command provider has no configuration.
  }

  resource(token: string): Promise<Resource> {
    if (token === COMMAND) return Promise.resolve(this.command);
    return Promise.reject(new Error(`the sandbox has no ${token}; it covers: ${COMMAND}`));
  }

  invoke(token: string): Promise<Props> {
    return Promise.reject(new Error(`the sandbox has no function ${token}`));
  }

  cancel(): void {
    this.interrupted.abort();
  }
}
