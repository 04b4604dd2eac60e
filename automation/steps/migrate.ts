import { databaseOf } from '../../src/domain/database';
import { healthyInstances } from '../../src/domain/fleet';
import { lastLines, MIGRATION_HALTS, migrationEnvironment, migrationName } from '../../src/domain/migration';
import type { Facts } from '../../src/domain/records';
import { eitherAborted } from '../../src/domain/signals';
import { describeStep, type Migrate } from '../../src/domain/step';
import type { CommandEnding, MachineEnding } from '../../src/ports';
import { done, nothingToUndo, pending, ran, reason, timedOut } from './handler';
import type { RunResult, StepContext, StepHandler } from './handler';

/**
 * Runs the user's command that changes the database. It is left to its end also where a person asks to stop; a
 * second request ends it, and the deployment halts. One whose intent is recorded and whose result is not, as after
 * a kill, is run again only where it may be: on an instance, the run under way is found by its name.
 */
export const migrate: StepHandler<Migrate> = {
  timeoutSeconds: () => null,
  pollMilliseconds: () => 1000,
  recovery: 'look',
  async intend(step, context): Promise<Facts> {
    return step.on === 'local' ? {} : { instance: await instanceFor(step, context) };
  },
  async run(step, context) {
    if (step.phase === 'contract') await logContract(step, context);
    return context.insistence.during(async (insisted) => {
      const { ending, output } = await execute(step, context, insisted);
      if (ending.kind === 'not-started' && step.phase === 'contract') await takeBack(ending, context);
      return resultOf(step, { ending, output, insisted: insisted.aborted });
    });
  },
  async verify(step, context) {
    if (context.state().steps[step.id]?.phase !== 'ran')
      return step.repeatable ? pending('it to be run') : { kind: 'halt', reason: unknown(step) };
    // Here, and not in `run`: what is written more than once must not repeat the command.
    if (step.phase === 'expand') await log('expanded', step, context);
    else await logContract(step, context);
    return done(
      String(context.facts['output'] ?? '')
        .split('\n')
        .at(-1),
    );
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) => timedOut(describeStep(step), waitingFor),
};

/** One of those that the gate found healthy; null when none of them is any more. */
async function instanceFor({ colour, version }: Migrate, context: StepContext): Promise<string | null> {
  const reading = await context.region.fleets.read(colour);
  const healthy = reading === undefined ? [] : healthyInstances(reading);
  const ids = healthy.filter((instance) => instance.version === version).map(({ id }) => id);
  return ids.sort()[0] ?? null;
}

type Ending = CommandEnding | MachineEnding;

async function execute(
  step: Migrate,
  context: StepContext,
  insisted: AbortSignal,
): Promise<{ ending: Ending; output: string }> {
  const { world, plan, startedAt, displaced } = context;
  const state = context.state();
  const { command, timeoutSeconds, version, region } = step;
  const environment = migrationEnvironment(step, state);
  // Whoever took the deployment over runs it again; on an instance, that one finds this run.
  if (step.on === 'local')
    return world.localCommands.run(
      { command, environment, timeoutSeconds },
      eitherAborted(insisted, displaced),
    );
  const { instance } = context.facts;
  if (typeof instance !== 'string') return { ending: noInstance(step), output: '' };
  const name = migrationName(step, state.deployment, startedAt);
  const order = { name, service: plan.service, version, command, environment, timeoutSeconds };
  return world.machines.run(region, instance, order, insisted);
}

function noInstance({ colour, version, region }: Migrate): MachineEnding {
  return {
    kind: 'not-started',
    why: `no instance of ${colour} in ${region} is healthy and at ${version}`,
    next: 'Look at the fleet.',
  };
}

function resultOf(
  step: Migrate,
  { ending, output, insisted }: { ending: Ending; output: string; insisted: boolean },
): RunResult {
  const lines = lastLines(output);
  if (ending.kind === 'exited' && ending.code === 0)
    return ran(lines.length === 0 ? {} : { output: lines.join('\n') });
  const details = lines.map((line) => `| ${line}`);
  const what = `${capital(describeStep(step))}: ${step.command.join(' ')}`;
  if (insisted)
    return {
      kind: 'halt',
      reason: reason(
        MIGRATION_HALTS.ended,
        `${what} was ended on request; what it did by then stands.`,
        details,
      ),
    };
  if ('next' in ending) details.push(ending.next);
  return {
    kind: 'failed',
    reason: reason(MIGRATION_HALTS.failed, `${what} ${wordsOf(ending, step)}.`, details),
  };
}

function wordsOf(ending: Ending, { timeoutSeconds }: Migrate): string {
  switch (ending.kind) {
    case 'exited':
      return `exited with ${ending.code}`;
    case 'killed':
      return `was ended by ${ending.signal}`;
    case 'timed-out':
      return `did not end within ${timeoutSeconds} s, and was ended`;
    case 'not-started':
      return `could not be started: ${whyOf(ending)}`;
    case 'gone':
      return `was lost sight of: ${ending.why}`;
  }
}

function whyOf(ending: Extract<Ending, { kind: 'not-started' }>): string {
  return 'why' in ending ? ending.why : ending.reason;
}

function unknown(step: Migrate) {
  const what = `${capital(describeStep(step))} (${step.command.join(' ')})`;
  return reason(
    MIGRATION_HALTS.unknown,
    `${what} was begun, and how it ended is not recorded: it must not be repeated unasked (\`repeatable: false\`).`,
    [
      'Look at the database first: `bascule resume` runs the command again, `bascule resume --migrated` takes it as done.',
    ],
  );
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

async function log(
  kind: 'expanded' | 'contracted',
  { version, schema }: Migrate,
  context: StepContext,
): Promise<void> {
  const { deployment } = context.state();
  await context.log.append({ kind, by: context.holder, deployment, version, schema });
}

/** Once for each deployment, also where its command is run again. */
async function logContract(step: Migrate, context: StepContext): Promise<void> {
  const { contracts } = databaseOf(await context.log.read());
  const { deployment } = context.state();
  if (!contracts.some((one) => one.deployment === deployment)) await log('contracted', step, context);
}

/** What never began took nothing away: the way back is as open as before. */
async function takeBack(
  ending: Extract<Ending, { kind: 'not-started' }>,
  context: StepContext,
): Promise<void> {
  const { deployment } = context.state();
  await context.log.append({ kind: 'notContracted', by: context.holder, deployment, why: whyOf(ending) });
}
