import { BasculeError } from '../../src/domain/errors';
import type { DeploymentState } from '../../src/domain/replay';
import type { Approve } from '../../src/domain/step';

/** A deployment that was left open at an approval, as whoever began it wished: no error of anybody's. */
export class LeftOpen extends BasculeError {
  readonly facts: { deployment: string; approval: string; planHash: string | null };

  constructor({ plan, deployment, planHash }: DeploymentState, { name }: Approve) {
    const { environment, version } = plan;
    super({
      code: 'BASCULE_APPROVAL_AWAITED',
      message: `Deployment ${deployment} of ${environment} to ${version} is left open: it waits for the approval ${name}.`,
      next: `\`bascule approve ${environment} --step ${name} --comment <why>\`; then \`bascule resume ${environment}\` goes on, and \`bascule abort ${environment}\` goes back.`,
      blame: 'world',
      exitCode: 0,
    });
    this.facts = { deployment, approval: name, planHash: planHash ?? null };
  }
}
