import { BasculeError } from '../../src/domain/errors';
import { describeHolder } from '../../src/domain/lease';
import type { DeploymentState } from '../../src/domain/replay';
import { describeStep, type Migrate } from '../../src/domain/step';
import type { Drive } from '../driver';

/** The migration that was begun and of which no good result is recorded. */
function unsettled({ plan, steps }: DeploymentState): Migrate | undefined {
  const found = plan.steps.find((step) => step.kind === 'migrate' && steps[step.id]?.phase === 'started');
  return found?.kind === 'migrate' ? found : undefined;
}

/**
 * The migration that a person saw to by hand.
 * @throws BasculeError BASCULE_NO_MIGRATION (exit code 2) where none was begun without ending well.
 */
export function requireUnsettled(environment: string, state: DeploymentState): Migrate {
  const step = unsettled(state);
  if (step !== undefined) return step;
  throw new BasculeError({
    code: 'BASCULE_NO_MIGRATION',
    message: `Deployment ${state.deployment} of ${environment} has no migration that was begun and is not known to have ended well.`,
    next: `\`bascule resume ${environment}\` without --migrated goes on with it. Nothing was changed.`,
  });
}

/** Takes the word of a person for the result of a migration; its command is not run again. */
export async function takeAsMigrated({ journal, reporter, holder }: Drive, step: Migrate): Promise<void> {
  // What halted was begun anew when the deployment was taken up.
  if (journal.state.steps[step.id]?.phase === 'pending')
    await journal.append({ kind: 'started', step: step.id, facts: {} });
  const facts = { output: `seen to by hand, says ${describeHolder(holder)}` };
  await journal.append({ kind: 'ran', step: step.id, facts });
  reporter.say({ kind: 'note', text: `${describeStep(step)}: ${facts.output}` });
}
