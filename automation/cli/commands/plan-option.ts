import { readFile } from 'node:fs/promises';
import { BasculeError } from '../../../src/domain/errors';
import { isPlanHash, type GivenPlan } from '../../../src/domain/preview/hash';
import { planFile } from '../../../src/domain/preview/plan-file';
import type { Strategy } from '../../../src/domain/strategy';
import type { StrategyOptions } from './strategy-options';

/** Which plan a deployment has to be. */
export const planOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Run exactly the plan of a preview, by its hash or the file of `--format json`, or refuse',
} as const;

export interface PlanOptions extends StrategyOptions {
  environment: string;
  version: string | undefined;
  plan: string | undefined;
  force: boolean;
}

/** What a deployment is asked to do, by its options and the plan that was given. */
export interface Asked {
  version: string;
  /** null where the options and the configuration say it. */
  strategy: Strategy | null;
  plan: GivenPlan | null;
}

/** @throws BasculeError BASCULE_USAGE or BASCULE_PLAN_UNREADABLE (exit code 2). */
export async function askedOf(options: PlanOptions): Promise<Asked> {
  const { version, plan } = options;
  if (plan === undefined || isPlanHash(plan)) {
    if (version === undefined)
      throw usage('Missing required argument: version', '`bascule deploy --help` shows what it takes.');
    return { version, strategy: null, plan: plan === undefined ? null : { hash: plan, sections: null } };
  }
  const file = planFile(plan, await textOf(plan));
  requireAgreement(options, file);
  return { version: file.version, strategy: file.strategy, plan: file };
}

function requireAgreement(options: PlanOptions, file: { environment: string; version: string }): void {
  const { environment, version, plan } = options;
  if (file.environment !== environment)
    throw usage(
      `The plan in ${plan} is one for ${file.environment}, not for ${environment}.`,
      'Give the plan of a preview of this environment. Nothing was changed.',
    );
  if (version !== undefined && version !== file.version)
    throw usage(
      `The plan in ${plan} deploys ${file.version}, but --version is ${version}.`,
      'Leave --version away: the file says it. Nothing was changed.',
    );
  const { strategy, weights, pause, 'by-hand': byHand } = options;
  if ([strategy, weights, pause, byHand].some((one) => one !== undefined))
    throw usage(
      `The plan in ${plan} says how traffic moves.`,
      'Leave --strategy, --weights, --pause and --by-hand away, or make another plan with them. Nothing was changed.',
    );
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BasculeError({
      code: 'BASCULE_PLAN_UNREADABLE',
      message: `${file} is no hash of a plan, and no file that can be read.`,
      next: 'Give a plan’s hash as `bascule preview` shows it, whole, or the file that its `--format json` wrote. Nothing was changed.',
      cause,
    });
  }
}

function usage(message: string, next: string): BasculeError {
  return new BasculeError({ code: 'BASCULE_USAGE', message, next });
}
