import type { Argv } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { freeText } from '../../../src/domain/freeze';
import type { GivenPlan } from '../../../src/domain/preview/hash';
import type { DeployRequest, DeployResult } from '../../operations/deploy';
import type { ApprovedPlan } from '../../operations/preview-plan';
import type { Session } from '../../operations/session';
import type { OpenedEnvironment } from '../compose';
import { leaveAtApprovalOption, overriddenFreezes, overrideFreezeOption } from '../options';
import type { CommandResult } from '../output/result';
import { deployedResult } from './deployed';
import { explainedBy, explainOptions, type ExplainOptions } from './explain-options';
import { askedOf, planOption, type PlanOptions } from './plan-option';
import { strategyFrom, strategyOptions } from './strategy-options';

/** What `deploy` and `promote` both take. */
export interface DeployOptions extends Omit<PlanOptions, 'environment' | 'version'>, ExplainOptions {
  'override-freeze': string | undefined;
  'override-window': string | undefined;
  'force-promotion': boolean;
  'leave-at-approval': boolean;
  reason: string | undefined;
}

export function deployOptions<T>(argv: Argv<T>): Argv<T & DeployOptions> {
  return explainOptions(strategyOptions(argv))
    .option('plan', planOption)
    .option('force', {
      type: 'boolean',
      default: false,
      describe: 'Deploy the version also when it is live already',
    })
    .option('leave-at-approval', leaveAtApprovalOption)
    .option('override-freeze', overrideFreezeOption)
    .option('override-window', {
      type: 'string',
      requiresArg: true,
      describe: 'Begin also outside the windows for deployments, for this reason, which is recorded',
    })
    .option('force-promotion', {
      type: 'boolean',
      default: false,
      describe: 'Take also what did not go through the environment before; with --reason',
    })
    .option('reason', {
      type: 'string',
      requiresArg: true,
      describe: 'Why, for --force-promotion; recorded',
    });
}

/** A request, but for what only the open environment tells; all that is wrong with the options is said before it. */
export interface Asking {
  version: string;
  complete(session: Session, opened: OpenedEnvironment): Promise<DeployRequest>;
}

/** @throws BasculeError BASCULE_USAGE or BASCULE_PLAN_UNREADABLE (exit code 2). */
export async function askingOf(
  argv: DeployOptions & Pick<PlanOptions, 'environment' | 'version'>,
): Promise<Asking> {
  const overrideFreeze = overriddenFreezes(argv['override-freeze']);
  const reasons = reasonsOf(argv);
  const explained = explainedBy(argv);
  const asked = await askedOf(argv);
  return {
    version: asked.version,
    complete: async (session, opened) => ({
      version: asked.version,
      force: argv.force,
      overrideFreeze,
      leaveAtApproval: argv['leave-at-approval'],
      ...reasons,
      ...(await explained(session.folder)),
      strategy: asked.strategy ?? strategyFrom(argv, session.policy.strategy),
      ...(asked.plan !== null && { approved: await approvedPlan(asked.plan, opened) }),
    }),
  };
}

function reasonsOf(argv: DeployOptions): Pick<DeployRequest, 'forcePromotion' | 'overrideWindow'> {
  const { reason, 'force-promotion': force, 'override-window': override } = argv;
  const overriding = override === undefined ? {} : { overrideWindow: freeText('override-window', override) };
  if (force) return { ...overriding, forcePromotion: freeText('reason', reason) };
  if (reason === undefined) return overriding;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: '--reason says why --force-promotion is given, which is missing.',
    next: 'Give both, or neither. Nothing was changed.',
  });
}

async function approvedPlan(given: GivenPlan, opened: OpenedEnvironment): Promise<ApprovedPlan> {
  return { given, config: opened.config, previews: await opened.previews() };
}

export async function deployResult(session: Session, result: DeployResult): Promise<CommandResult> {
  if (result.kind === 'deployed') return deployedResult(session, result);
  const { version, message } = result;
  return { exitCode: 0, json: { outcome: 'already-live', version, message }, text: message };
}
