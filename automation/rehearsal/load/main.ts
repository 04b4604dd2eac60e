import { messageOf } from '../../../src/domain/errors';
import { Generator } from './generator';
import { resolveLoadOptions } from './options';
import type { LoadCommand, LoadMessage, LoadOptions } from './types';

/** How often the parent hears of what changed. */
const REPORT_MILLISECONDS = 250;

function send(message: LoadMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send && process.connected) process.send(message, () => resolve());
    else resolve();
  });
}

async function fail(thrown: unknown): Promise<void> {
  await send({ type: 'error', message: messageOf(thrown) });
  process.exit(1);
}

async function stop(generator: Generator, reports: NodeJS.Timeout): Promise<void> {
  await generator.stop();
  clearInterval(reports);
  await send({ type: 'final', delta: generator.takeDelta() });
  process.exit(0);
}

function start(options: LoadOptions): void {
  const generator = new Generator(resolveLoadOptions(options));
  const reports = setInterval(() => {
    void send({ type: 'delta', delta: generator.takeDelta() });
  }, REPORT_MILLISECONDS);
  let stopping = false;
  process.on('message', (command: LoadCommand) => {
    if (command.type !== 'stop' || stopping) return;
    stopping = true;
    stop(generator, reports).catch(fail);
  });
}

// Ctrl-C reaches every process of the terminal; when to stop is the parent's decision.
process.on('SIGINT', () => undefined);
// Without a parent there is nobody to report to, and nobody left to stop this process.
process.on('disconnect', () => process.exit(1));
// What is thrown in `start` comes here as well: the parent hears why, and this process ends.
process.on('uncaughtException', (error) => void fail(error));
process.once('message', (command: LoadCommand) => {
  if (command.type === 'start') start(command.options);
  else process.exit(0);
});
