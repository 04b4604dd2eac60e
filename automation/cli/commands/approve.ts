import type { CommandModule } from 'yargs';
import type { Decision } from '../../../src/domain/approval';
import { BasculeError } from '../../../src/domain/errors';
import { decideOn } from '../../operations/approve';
import { conclude } from '../command';
import { commonOptions, type CommonOptions } from '../options';
import type { CommandResult } from '../output/result';

interface DecideOptions extends CommonOptions {
  target: string;
  deployment: string | undefined;
  environment: string | undefined;
  comment: string;
  step: string | undefined;
  plan: string | undefined;
}

export const approveCommand: CommandModule<object, DecideOptions> = {
  ...decideCommand('approve', 'Approve the plan of a deployment, in your own name'),
  command: 'approve <target> [deployment]',
};

export const rejectCommand: CommandModule<object, DecideOptions> = {
  ...decideCommand('reject', 'Reject the plan of a deployment, which then goes back, in your own name'),
  command: 'reject <target> [deployment]',
};

function decideCommand(
  decision: Decision,
  describe: string,
): Omit<CommandModule<object, DecideOptions>, 'command'> {
  return {
    describe,
    builder: (argv) =>
      commonOptions(argv)
        .positional('target', {
          type: 'string',
          demandOption: true,
          describe: 'The environment, as in Pulumi.<environment>.yaml, or the deployment',
        })
        .positional('deployment', { type: 'string', describe: 'The deployment (default: the one under way)' })
        .option('comment', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'Why; it stands in the journal',
        })
        .option('step', {
          type: 'string',
          requiresArg: true,
          describe: 'The name of the approval (default: the one that is waited for)',
        })
        .option('plan', {
          type: 'string',
          requiresArg: true,
          describe:
            'The hash of the plan that you looked at; another one is refused (default: the one that runs)',
        })
        .option('environment', {
          type: 'string',
          requiresArg: true,
          describe: 'The environment of a deployment (default: the only one that has it)',
        })
        .example(`bascule ${decision} production --comment 'CHG-1234'`, 'The deployment under way')
        .example(`bascule ${decision} 20260301-101500-1a2b --comment 'CHG-1234'`, 'A deployment by its id'),
    handler: (argv) => conclude(argv.json, () => decide(decision, argv)),
  };
}

async function decide(decision: Decision, argv: DecideOptions): Promise<CommandResult> {
  const comment = argv.comment.trim();
  if (comment === '' || comment.length > 2000)
    throw usage('--comment needs 1 to 2000 characters.', 'Say why; it stands in the journal.');
  const { environmentOf, openApprovalDesk } = await import('../compose-approvals.js');
  const { environment, deployment } = placeOf(argv);
  const name = environment ?? (await environmentOf(argv.project, deployment ?? ''));
  const desk = await openApprovalDesk(argv.project, name);
  const { message, ...rest } = await decideOn(desk, {
    decision,
    comment,
    ...(deployment !== undefined && { deployment }),
    ...(argv.step !== undefined && { step: argv.step }),
    ...(argv.plan !== undefined && { plan: argv.plan }),
  });
  // What the deployment does not count is as good as not said.
  const ignored = rest.taken?.counted === false;
  return {
    exitCode: ignored ? 2 : 0,
    json: {
      outcome: ignored ? 'ignored' : decision === 'approve' ? 'approved' : 'rejected',
      ...rest,
      message,
    },
    text: message,
  };
}

/** As `deploymentId` makes them. */
const DEPLOYMENT = /^\d{8}-\d{6}-[0-9a-f]{4}$/;

function placeOf({ target, deployment, environment }: DecideOptions): {
  environment?: string;
  deployment?: string;
} {
  if (!DEPLOYMENT.test(target)) {
    if (environment !== undefined && environment !== target)
      throw usage(`${target} and ${environment} are two environments.`, 'Name one of them.');
    return { environment: target, ...(deployment !== undefined && { deployment }) };
  }
  const other = environment ?? deployment;
  return { deployment: target, ...(other !== undefined && { environment: other }) };
}

function usage(message: string, next: string): BasculeError {
  return new BasculeError({ code: 'BASCULE_USAGE', message, next });
}
