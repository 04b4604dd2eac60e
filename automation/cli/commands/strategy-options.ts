import type { Argv } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { parseStrategy, pathText, type ConfigProblem } from '../../../src/domain/config';
import type { Strategy } from '../../../src/domain/strategy';

export interface StrategyOptions {
  strategy: Strategy['kind'] | undefined;
  weights: string | undefined;
  pause: number | undefined;
  'by-hand': boolean | undefined;
}

export function strategyOptions<T>(argv: Argv<T>): Argv<T & StrategyOptions> {
  return argv
    .option('strategy', {
      choices: ['all-at-once', 'canary', 'linear'] as const,
      describe: 'How traffic moves, instead of `deployment.strategy`',
    })
    .option('weights', {
      type: 'string',
      requiresArg: true,
      describe:
        'Per cent for the new colour, in rising order (canary: 5,25,50), or of each step (linear: 10)',
    })
    .option('pause', {
      type: 'number',
      requiresArg: true,
      describe: 'Seconds with each weight before traffic moves on',
    })
    .option('by-hand', {
      type: 'boolean',
      describe: 'Wait at each weight for `bascule advance`, after --pause where that is given',
    });
}

/**
 * The strategy of one deployment: what the options say, and what the configuration says where they do not.
 * @throws BasculeError BASCULE_STRATEGY_OPTIONS (exit code 2).
 */
export function strategyFrom(options: StrategyOptions, configured: Strategy): Strategy {
  const kind = options.strategy ?? configured.kind;
  const { weights, pause, 'by-hand': byHand } = options;
  if (kind === 'all-at-once') {
    const given = [weights, pause, byHand].some((one) => one !== undefined);
    if (given)
      throw refused([
        `--weights, --pause and --by-hand go with --strategy canary or linear, but the strategy is ${kind}`,
      ]);
    return { kind };
  }
  const own = configured.kind === kind ? configured : undefined;
  const pauses = { ...(pause === undefined ? {} : { pauseSeconds: pause }), byHand: byHand ?? false };
  const repaced = pause !== undefined || byHand !== undefined;
  if (weights === undefined) {
    if (own === undefined) throw refused([`--strategy ${kind} needs --weights: the configuration has none`]);
    if (!repaced) return own;
  }
  const chosen = weights === undefined ? weightsOf(own) : numbersOf(weights);
  if (kind === 'canary') return checked({ kind, steps: chosen.map((weight) => ({ weight, ...pauses })) });
  if (chosen.length !== 1)
    throw refused([`--strategy linear takes one weight, that of each step, but --weights is ${weights}`]);
  return checked({ kind, weight: chosen[0], ...pauses });
}

function weightsOf(strategy: Strategy | undefined): number[] {
  switch (strategy?.kind) {
    case 'canary':
      return strategy.steps.map(({ percent }) => percent);
    case 'linear':
      return [strategy.percent];
    default:
      return [];
  }
}

/** What is no number is left to the check of the strategy, which names it. */
function numbersOf(weights: string): number[] {
  return weights.split(',').map((one) => (one.trim() === '' ? Number.NaN : Number(one)));
}

function checked(raw: object): Strategy {
  const parsed = parseStrategy(raw);
  if (parsed.ok) return parsed.config;
  throw refused(parsed.problems.map(optionProblem));
}

/** A problem of the configuration's key, told of the option that stands for it. */
function optionProblem({ path, message }: ConfigProblem): string {
  const key = path.at(-1);
  if (key === 'weight') return `--weights: ${message}`;
  if (key === 'pauseSeconds') return `--pause: ${message}`;
  return `${pathText(path)}: ${message}`;
}

function refused(problems: string[]): BasculeError {
  return new BasculeError({
    code: 'BASCULE_STRATEGY_OPTIONS',
    message: `The options do not make a strategy: ${[...new Set(problems)].join('; ')}.`,
    next: 'Correct them: --strategy canary --weights 5,25,50 --pause 300, or --strategy linear --weights 10 --by-hand. Nothing was changed.',
  });
}
