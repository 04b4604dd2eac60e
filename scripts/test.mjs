import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { ensureBakeTools, missingBakeTools } from './lib/bake-tools.mjs';
import { endMarked, run, runQuietly, stopping } from './lib/children.mjs';
import { imageChecks } from './lib/image-checks.mjs';
import { elapsed } from './lib/progress.mjs';
import { closingLine, countCheck, countReport, failuresIn, NOTHING, sum } from './lib/results.mjs';
import { setUp, setUpLint } from './lib/setup.mjs';

const MARK = 'BASCULE_TEST_RUN';

/**
 * Everything that says whether this tree is good: lint, type check, unit tests, sandbox tests. All of it runs
 * even when a part fails, so that one run tells everything; the last line sums it up.
 * @returns {Promise<number>} the exit code
 */
export function test(project, progress) {
  return runParts(project, progress, 'npm test', [bakeTools, checks, unitTests, sandboxTests]);
}

/**
 * What takes hours: a deployment and a rollback killed at each of their writes, and hundreds of seeds of faults.
 * @returns {Promise<number>} the exit code
 */
export function nightly(project, progress) {
  return runParts(project, progress, 'npm run test:nightly', [killTests, faultTests, leftoverTests]);
}

async function runParts(project, progress, command, parts) {
  const began = Date.now();
  const mark = randomUUID();
  const results = [];
  try {
    const env = { ...process.env, ...(await setUp(project, progress)), [MARK]: mark };
    const context = { project, env, progress };
    for (const part of parts) {
      if (!stopping.aborted) results.push(...(await part(context)));
    }
  } catch (error) {
    say(
      `\n${error.next ? [error.message, ...(error.details ?? []), `Next: ${error.next}`].join('\n') : error.stack}`,
    );
    results.push({ name: 'Set-up', count: countCheck(false), where: 'the message above' });
  }
  results.push(...(await leftovers(mark)));
  return conclude(results, began, command);
}

async function leftovers(mark) {
  const left = await endMarked(MARK, mark);
  if (left.length === 0 || stopping.aborted) return [];
  say(`\nThe tests left processes behind; they were ended:\n${left.map((line) => `  ${line}`).join('\n')}`);
  return [{ name: 'Left nothing behind', count: countCheck(false), where: 'the list of processes above' }];
}

function conclude(results, began, command) {
  const total = sum(results.map((result) => result.count));
  const failures = results.filter((result) => result.count.failed > 0);
  say('');
  for (const { leftOut } of results) if (leftOut) say(leftOut);
  for (const { name, where, lines = [] } of failures) {
    say(`Failed: ${name}. See ${where}`);
    for (const line of lines) say(`  ${line}`);
  }
  if (stopping.aborted) say(`Stopped by ${stopping.reason}: the rest was not run.`);
  say(`${command} took ${elapsed(began)}`);
  process.stdout.write(`${closingLine(total)}\n`);
  if (stopping.aborted) return 130;
  return failures.length > 0 ? 1 : 0;
}

/** Without them, what bakes with Packer is left out, and the end of the run says so; in CI that is a failure. */
async function bakeTools({ env, progress }) {
  const missing = await ensureBakeTools(progress, { env });
  if (missing.length === 0) return [];
  const programs = missing.map(({ program }) => program).join(', ');
  const packages = missing.map((tool) => tool.package).join(' ');
  const how = `Debian, Ubuntu: apt-get install ${packages}; https://developer.hashicorp.com/packer/install`;
  if (env.CI === 'true')
    return [{ name: `Tools of the bake: no ${programs}`, count: countCheck(false), where: how }];
  const leftOut = `Left out: what bakes with Packer, since there is no ${programs} here. To run it too: ${how}`;
  return [{ name: 'Tools of the bake', count: NOTHING, leftOut }];
}

/** In two rows, as long as each other, of which each keeps one core busy. What they say is shown whole. */
async function checks(context) {
  const bin = (name, ...args) => [
    process.execPath,
    path.join(context.project, 'node_modules', name),
    ...args,
  ];
  const lint = check(context, 'Lint', [bin('eslint/bin/eslint.js', '.', '--max-warnings=0')]);
  const types = check(context, 'Type check', [bin('typescript/bin/tsc', '--noEmit', '-p', '.')]);
  const others = types.then(() =>
    check(context, 'Format, Python, pipelines and images', [
      bin('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'),
      () => pythonLint(context),
      ...PIPELINES.map(
        ([schema, files]) =>
          () =>
            pipelineLint(context, schema, files),
      ),
      () => imagesLint(context),
    ]),
  );
  return [await lint.then(shown), await types.then(shown), await others.then(shown)];
}

async function pythonLint({ project, progress }) {
  const python = await setUpLint(project, progress);
  return [python, '-m', 'ruff', 'check', '--quiet', '--no-cache', '.'];
}

/** The pipelines that are given away, each by the schema of who runs it. */
const PIPELINES = [
  ['vendor.gitlab-ci', ['ci-templates/gitlab-ci.yml']],
  [
    'vendor.github-workflows',
    ['preview', 'deploy', 'rollback'].map((name) => `ci-templates/github/workflows/${name}.yml`),
  ],
  ['vendor.github-actions', ['ci-templates/github/actions/bascule/action.yml']],
];

async function pipelineLint({ project, progress }, schema, files) {
  const python = await setUpLint(project, progress);
  return [python, '-m', 'check_jsonschema', '--quiet', '--builtin-schema', schema, ...files];
}

async function imagesLint({ project, progress, env }) {
  const missing = missingBakeTools(env).map(({ program }) => program);
  return imageChecks(await setUpLint(project, progress), {
    packer: !missing.includes('packer'),
    ansible: !missing.includes('ansible-playbook'),
  });
}

/** A command is what is run and its arguments, or a function that gives one or several once it is their turn. */
async function check({ project, env }, name, commands) {
  const began = Date.now();
  const outputs = [];
  const waiting = [...commands];
  while (waiting.length > 0 && !stopping.aborted) {
    const command = waiting.shift();
    const argv = typeof command === 'function' ? await command() : command;
    if (Array.isArray(argv[0])) {
      waiting.unshift(...argv);
      continue;
    }
    const { code, output } = await runQuietly(argv, { cwd: project, env });
    if (code !== 0 && !stopping.aborted)
      outputs.push(output.trim() || `${argv.join(' ')} ended with ${code}`);
  }
  return { name, took: elapsed(began), outputs };
}

function shown({ name, took, outputs }) {
  const ok = outputs.length === 0;
  if (stopping.aborted)
    return { name, count: ok ? NOTHING : countCheck(false), where: 'the part that was run' };
  heading(name);
  if (!ok) say(outputs.join('\n'));
  say(`${name}: ${ok ? 'passed' : 'failed'} (${took})`);
  return {
    name,
    count: countCheck(ok),
    where: `the output below "${name}" above; again: npm run lint, npm run typecheck`,
  };
}

const unitTests = (context) => vitest(context, 'unit', 'Unit tests');
const sandboxTests = (context) => vitest(context, 'sandbox', 'Sandbox tests');

/** Each has a sandbox of its own; a case is one process after the other, so that a core for each is what it takes. */
const SHARDS = Math.max(1, Math.min(4, availableParallelism()));

async function killTests(context) {
  const shards = Array.from({ length: SHARDS }, (_, index) => `${index + 1}/${SHARDS}`);
  const results = shards.map((shard) =>
    vitest(context, 'sandbox', `Kill test, shard ${shard}`, {
      file: 'test/e2e/kill.test.ts',
      report: `nightly-kill-${shard.replace('/', '-of-')}`,
      env: { BASCULE_NIGHTLY: '1', BASCULE_SHARD: shard },
    }),
  );
  return (await Promise.all(results)).flat();
}

const faultTests = (context) =>
  vitest(context, 'sandbox', 'Fault test', {
    file: 'test/e2e/faults.test.ts',
    report: 'nightly-faults',
    env: { BASCULE_NIGHTLY: '1' },
  });

/** Updates of a service stack that are killed after each kind of create. */
const leftoverTests = (context) =>
  vitest(context, 'sandbox', 'Killed updates of the service stack', {
    file: 'test/sandbox/stack-leftovers-service.test.ts',
    report: 'nightly-leftovers',
    env: { BASCULE_NIGHTLY: '1' },
  });

async function vitest({ project, env }, which, name, only = {}) {
  heading(name);
  const began = Date.now();
  const report = path.join(project, '.bascule', 'test', `${only.report ?? which}.json`);
  await mkdir(path.dirname(report), { recursive: true });
  // What an earlier run reported must not stand in for a run that breaks off.
  await rm(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const command = [
    process.execPath,
    path.join(project, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    which,
    ...(only.file ? [only.file] : []),
  ];
  const { code } = await run([...command, ...reporters], { cwd: project, env: { ...env, ...only.env } });
  const settings = Object.entries(only.env ?? {}).map(([key, value]) => `${key}=${value} `);
  const again = only.file
    ? `${settings.join('')}npx vitest run --project ${which} ${only.file}`
    : `npm run test:${which}`;
  const count = stopping.aborted ? NOTHING : await countReport(report, code);
  const lines = stopping.aborted ? [] : await failuresIn(report, project);
  say(`${name}: ${closingLine(count)} (${elapsed(began)})`);
  return [
    {
      name,
      count,
      lines,
      where: `the output below "${name}" above, or ${path.relative(project, report)}; again: ${again}`,
    },
  ];
}

function heading(name) {
  say(`\n== ${name} ==`);
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
