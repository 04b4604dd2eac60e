import { realpath } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { processFile, sandboxPaths } from '../lifecycle/paths';
import { recordProcess } from '../lifecycle/processes';
import { sandboxAuthority } from './authority';
import { Daemon } from './daemon';

function log(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { state: { type: 'string' } } });
  if (values.state === undefined) throw new Error('usage: main.js --state <folder>');
  const folder = await realpath(values.state);
  // Also by itself, in case the command that starts it is killed before it can.
  await recordProcess(processFile(sandboxPaths(folder), 'daemon'), process.pid);
  const leaving = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => leaving.abort());
  log(`daemon ${process.pid} of ${folder} starts`);
  const authority = await sandboxAuthority(sandboxPaths(folder));
  await new Daemon(folder, log, leaving.signal, authority).run();
  process.exit(0);
}

// A defect ends the daemon and leaves the instances: the next one takes them over in a clean state.
process.on('uncaughtException', (problem) => {
  log(`the daemon ends: ${problem.stack ?? problem.message}`);
  process.exit(1);
});
main().catch((problem: unknown) => {
  log(`the daemon ends: ${problem instanceof Error ? (problem.stack ?? problem.message) : String(problem)}`);
  process.exit(1);
});
