import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { forwardSignals, run, stopping } from './lib/children.mjs';
import { createProgress } from './lib/progress.mjs';
import { setUp } from './lib/setup.mjs';
import { nightly, test } from './test.mjs';

const PROJECT = path.resolve(fileURLToPath(import.meta.url), '..', '..');
const OLDEST_NODE = [20, 0];
/** The test runner needs a later one than Bascule itself: vite 8 asks for it. */
const OLDEST_NODE_FOR_TESTS = [20, 19];

const USAGE = `usage: node scripts/run.mjs <what> [options]
  setup      get everything that Bascule needs, and build it
  rehearse   set-up, then bascule rehearse (npm start)
  test       set-up, then lint, type check, unit tests, sandbox tests (npm test)
  nightly    set-up, then every point of the kill test and every seed of the fault test (npm run test:nightly)
  bench      set-up, then the measurements (npm run bench)
`;

const commands = {
  setup: async (progress) => {
    await setUp(PROJECT, progress);
    progress.note('Everything is set up. Next: npm start, or bin/bascule.js --help');
    return 0;
  },
  rehearse: (progress, rest) => runBuilt(progress, ['bin/bascule.js', 'rehearse', ...rest]),
  bench: (progress, rest) => runBuilt(progress, ['dist/automation/cli/bench/main.js', ...rest]),
  test: (progress, rest) => test(PROJECT, progress, rest),
  nightly: (progress, rest) => nightly(PROJECT, progress, rest),
};

/** The set-up, then a Node program of this project that gets the terminal to itself. */
async function runBuilt(progress, [script, ...args]) {
  const found = await setUp(PROJECT, progress);
  if (stopping.aborted) return 130;
  const { code } = await run([process.execPath, path.join(PROJECT, script), ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...found },
  });
  return code ?? 130;
}

/** @returns what is wrong with this Node for `what`, if anything is */
function nodeComplaint(what) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = ['test', 'nightly'].includes(what) ? OLDEST_NODE_FOR_TESTS : OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return (
    `This is Node ${process.versions.node}; ${what} needs ${oldestMajor}.${oldestMinor} or later.\n` +
    'Next: install a current Node (22 or 24), by a version manager or from your system, and run this again.\n'
  );
}

/** An error made for people has a `next`; of any other the whole is of use to whoever mends it. */
function report(error) {
  const lines = error.next
    ? [error.message, ...(error.details ?? []).map((line) => `  ${line}`), `Next: ${error.next}`]
    : [error.code || error.name !== 'Error' ? (error.stack ?? String(error)) : error.message];
  process.stderr.write(`\n${lines.join('\n')}\n`);
}

async function main([what = '', ...rest]) {
  const command = Object.hasOwn(commands, what) ? commands[what] : undefined;
  if (!command) {
    process.stderr.write(USAGE);
    return 2;
  }
  const complaint = nodeComplaint(what);
  if (complaint) {
    process.stderr.write(complaint);
    return 2;
  }
  // A rehearsal decides itself where it can stop safely; tests are worth nothing once interrupted.
  forwardSignals({ insist: what !== 'rehearse' });
  try {
    return await command(createProgress(), rest);
  } catch (error) {
    if (stopping.aborted) process.stderr.write(`\nStopped by ${stopping.reason}.\n`);
    else report(error);
    return stopping.aborted ? 130 : (error.exitCode ?? 2);
  }
}

process.exitCode = await main(process.argv.slice(2));
