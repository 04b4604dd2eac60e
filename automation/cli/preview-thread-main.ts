import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import type { debug } from '@pulumi/pulumi/log';
import type { InlinePreviewEngine, ShownStack } from '../../src/adapters/preview-engine';
import { BasculeError, unexpected, type ErrorFacts } from '../../src/domain/errors';
import type { EngineStep } from '../../src/domain/preview/resource-diff';
import { keepCompiled } from '../engine/compiled';
import { deferSeldomModules } from './deferred';
import { traceOf } from './output/result';

export type Question = { kind: 'show'; id: number; shown: ShownStack } | { kind: 'end' };

export type Answer =
  | { kind: 'steps'; id: number; steps: EngineStep[] }
  /** An error's class would be lost on the way. */
  | { kind: 'failed'; id: number; facts: ErrorFacts; trace: string };

let engine: Promise<InlinePreviewEngine> | undefined;

/** All that a preview needs of Pulumi before the engine begins. */
async function load(): Promise<InlinePreviewEngine> {
  const [{ InlinePreviewEngine }, { shownPrograms }] = await Promise.all([
    import('../../src/adapters/preview-engine.js'),
    import('./programs.js'),
    import('@pulumi/pulumi/automation/cmd.js'),
  ]);
  // Each line is sent to the engine, which shows it with --debug alone; the next one waits for it.
  const log = createRequire(__filename)('@pulumi/pulumi/log') as { debug: typeof debug };
  log.debug = () => Promise.resolve();
  return new InlinePreviewEngine(shownPrograms);
}

async function answer(id: number, shown: ShownStack): Promise<Answer> {
  try {
    const steps = await (await (engine ??= load())).steps(shown);
    return { kind: 'steps', id, steps };
  } catch (thrown) {
    const error = thrown instanceof BasculeError ? thrown : unexpected(thrown);
    const { code, message, next, blame, details, exitCode } = error;
    return {
      kind: 'failed',
      id,
      facts: { code, message, next, blame, details, exitCode },
      trace: traceOf(thrown),
    };
  }
}

parentPort?.on('message', (question: Question) => {
  switch (question.kind) {
    case 'show':
      void answer(question.id, question.shown).then((told) => parentPort?.postMessage(told));
      break;
    case 'end':
      // Ends this thread alone; the engine's connections would keep it.
      process.exit();
  }
});

keepCompiled('at-exit');
deferSeldomModules();
// Pulumi's SDK notes where each of its promises was made, thousands of them with a hundred rules.
if (process.env['BASCULE_DEBUG'] === undefined) Error.stackTraceLimit = 0;
engine = load();
engine.catch(() => undefined);
