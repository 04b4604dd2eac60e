import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent } from '@pulumi/pulumi/automation';
import { bakeEventIn, bakeFailed, bakeStopped, type BakeEvent } from '../domain/bake-progress';
import { IMAGE_STACK, type BakeConfig } from '../domain/config';
import { BasculeError } from '../domain/errors';
import type { Bakery } from '../ports';
import { bakeTools } from './bake-tools';
import { processOf, signal } from './engine-processes';
import { InlineStack, type StackPlace } from './stacks';

export interface BakeProgram {
  service: string;
  /** Whether it runs Packer. */
  packer: boolean;
  run(order: BakeConfig): Promise<Record<string, unknown>>;
}

/** As long as EC2 may take to end an instance, twice. */
const CLEANER_MILLISECONDS = 15 * 60_000;

/** The stack of the bake. */
export class ImageStack implements Bakery {
  constructor(
    private readonly place: StackPlace,
    private readonly program: BakeProgram,
    /** Aborted when the bake is to end. */
    private readonly stop: AbortSignal,
  ) {}

  async tools(): Promise<string | undefined> {
    return this.program.packer ? bakeTools() : undefined;
  }

  async bake(order: BakeConfig, tell: (event: BakeEvent) => void): Promise<Record<string, string>> {
    if (this.stop.aborted) throw bakeStopped(`${this.program.service} ${order.version}`);
    const stack = new InlineStack(this.place, IMAGE_STACK, () => this.program.run(order));
    const script = new ScriptFollower(tell, this.stop);
    try {
      await stack.up({}, (event) => script.take(event));
    } catch (thrown) {
      throw await this.explained(thrown, order, script);
    } finally {
      script.close();
    }
    return (await stack.outputs())?.['images'] as Record<string, string>;
  }

  /** The engine knows only that a command failed; the script said why, unless it was killed. */
  private async explained(thrown: unknown, order: BakeConfig, script: ScriptFollower): Promise<unknown> {
    const { begun, failure } = script;
    if (failure !== undefined) return new BasculeError({ ...failure, cause: thrown });
    if (begun === undefined || script.ended) return thrown;
    script.say({ kind: 'note', text: 'The bake script was killed; what it had made is being removed.' });
    const cleared = await ended(begun.cleaner, CLEANER_MILLISECONDS);
    const what = `${this.program.service} ${order.version}`;
    const left = cleared
      ? 'what it had made was removed'
      : `process ${begun.cleaner} is still removing what it had made`;
    return bakeFailed(what, 'its script was killed', [left], thrown);
  }
}

/** Reads what the script says out of the engine's events, and hands on a wish to stop. */
class ScriptFollower {
  begun: { pid: number; cleaner: number } | undefined;
  failure: Extract<BakeEvent, { kind: 'failed' }>['error'] | undefined;
  /** The engine took its result. */
  ended = false;

  private readonly onStop = (): void => {
    // It removes what it made, and ends; the engine then ends as well, and leaves no lock.
    if (this.begun !== undefined) signal(this.begun.pid, 'SIGTERM');
  };

  constructor(
    readonly say: (event: BakeEvent) => void,
    private readonly stop: AbortSignal,
  ) {
    stop.addEventListener('abort', this.onStop);
  }

  take(event: EngineEvent): void {
    if (event.resOutputsEvent?.metadata.type === 'command:local:Command') this.ended = true;
    const message = event.diagnosticEvent?.severity === 'info' ? event.diagnosticEvent.message : undefined;
    for (const line of message?.split('\n') ?? []) {
      const told = bakeEventIn(line);
      if (told !== undefined) this.hear(told);
    }
  }

  private hear(event: BakeEvent): void {
    if (event.kind === 'begun') {
      this.begun = event;
      // Of a script before this one, which was killed with its engine.
      this.failure = undefined;
      if (this.stop.aborted) this.onStop();
    }
    if (event.kind === 'failed') this.failure = event.error;
    this.say(event);
  }

  close(): void {
    this.stop.removeEventListener('abort', this.onStop);
  }
}

async function ended(pid: number, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while ((await processOf(pid)) !== undefined) {
    if (Date.now() >= deadline) return false;
    await delay(200);
  }
  return true;
}
