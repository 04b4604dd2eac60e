import path from 'node:path';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { PreviewEngine, ShownStack } from '../../src/adapters/preview-engine';
import { BasculeError } from '../../src/domain/errors';
import type { EngineStep } from '../../src/domain/preview/resource-diff';
import type { Answer, Question } from './preview-thread-main';

interface Asked {
  resolve(steps: EngineStep[]): void;
  reject(thrown: Error): void;
}

/**
 * Runs the programs of previews in a thread of its own: Pulumi's SDK is loaded, and registers resources by the
 * hundred, while this one looks at AWS. It keeps no process alive by itself.
 */
export class PreviewThread implements PreviewEngine {
  // Its environment is this one's, in which the engine is put on the PATH while it loads.
  private readonly worker = new Worker(path.join(__dirname, 'preview-thread-main.js'), { env: SHARE_ENV });
  private readonly asked = new Map<number, Asked>();
  private questions = 0;

  constructor() {
    this.worker.on('message', (answer: Answer) => this.hear(answer));
    this.worker.on('error', (thrown: Error) => this.fail(thrown));
    // Last: to listen to it is to wait for it.
    this.worker.unref();
  }

  steps(shown: ShownStack): Promise<EngineStep[]> {
    const id = (this.questions += 1);
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      this.worker.ref();
      this.tell({ kind: 'show', id, shown });
    });
  }

  async stop(): Promise<void> {
    this.asked.clear();
    await this.worker.terminate();
  }

  /** Ends the thread, which keeps what it compiled for the next command. */
  close(): void {
    this.tell({ kind: 'end' });
    this.worker.ref();
  }

  private tell(question: Question): void {
    this.worker.postMessage(question);
  }

  private hear(answer: Answer): void {
    const asked = this.asked.get(answer.id);
    this.asked.delete(answer.id);
    if (this.asked.size === 0) this.worker.unref();
    if (answer.kind === 'steps') asked?.resolve(answer.steps);
    else asked?.reject(new BasculeError({ ...answer.facts, cause: causeOf(answer.trace) }));
  }

  private fail(thrown: Error): void {
    for (const asked of this.asked.values()) asked.reject(thrown);
    this.asked.clear();
  }
}

/** With the place in the other thread where it was thrown. */
function causeOf(trace: string): Error {
  return Object.assign(new Error('thrown by a preview'), { stack: trace });
}
