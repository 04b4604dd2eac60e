import type { Engine } from '../engine/engine';
import type { Progress } from '../engine/progress';

/** Progress of set-up as lines on standard error. */
export async function setupProgress(): Promise<Progress> {
  const { linesTo } = await import('../engine/progress.js');
  return linesTo((line) => process.stderr.write(`${line}\n`));
}

/** The Pulumi engine, installed on first use. */
export async function requireEngine(): Promise<Engine> {
  const { ensureEngine } = await import('../engine/engine.js');
  return ensureEngine({ log: await setupProgress() });
}

/** What a sandbox is started with. */
export async function sandboxParts(folder: string | undefined) {
  const [{ ensurePython }, log] = await Promise.all([import('../engine/python.js'), setupProgress()]);
  const engine = await requireEngine();
  const { python } = await ensurePython({ log });
  return {
    ...(folder === undefined ? {} : { folder }),
    python,
    engineFolder: engine.folder,
    log: (line: string) => log.note(line),
  };
}
