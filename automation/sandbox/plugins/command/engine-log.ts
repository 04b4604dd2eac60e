import * as grpc from '@grpc/grpc-js';
import { EngineClient } from '@pulumi/pulumi/proto/engine_grpc_pb';
import { LogRequest, LogSeverity } from '@pulumi/pulumi/proto/engine_pb';

/** Told each line of a command's output, of the resource that runs it. */
export type LineLog = (urn: string, line: string) => Promise<void>;

/**
 * Hands lines to the engine, which shows them with the update as they come: as the official provider does, with
 * severity info and as a status that no display keeps.
 */
export function engineLog(address: string): LineLog {
  const engine = new EngineClient(address, grpc.credentials.createInsecure());
  return (urn, line) =>
    new Promise((resolve) => {
      const request = new LogRequest()
        .setSeverity(LogSeverity.INFO)
        .setMessage(line)
        .setUrn(urn)
        .setEphemeral(true);
      // An engine that is gone has nobody to show it to, and the command goes on.
      engine.log(request, () => resolve());
    });
}

/** Cuts a stream of text into lines and says them one after the other. */
export class Lines {
  private rest = '';
  private said = Promise.resolve();

  constructor(private readonly say: (line: string) => Promise<void>) {}

  take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.queue(line);
  }

  /** Resolves once everything was said, a last line without an end included. */
  async end(): Promise<void> {
    if (this.rest !== '') this.queue(this.rest);
    this.rest = '';
    await this.said;
  }

  private queue(line: string): void {
    this.said = this.said.then(() => this.say(line));
  }
}
