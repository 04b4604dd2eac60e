import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { freeText } from '../../../src/domain/freeze';
import { describeHolder } from '../../../src/domain/lease';
import { unlock, type Unlocked, type UnlockRequest } from '../../operations/unlock';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import type { CommandResult } from '../output/result';

interface UnlockOptions extends EnvironmentOptions {
  insist: boolean;
  reason: string | undefined;
}

export const unlockCommand: CommandModule<object, UnlockOptions> = {
  command: 'unlock <environment>',
  describe: 'Take the lease from a holder that is provably gone; nothing else is changed',
  builder: (argv) =>
    environmentOptions(argv)
      .option('insist', {
        type: 'boolean',
        default: false,
        describe: 'Take it also from a holder that may be alive; it stops before its next write',
      })
      .option('reason', { type: 'string', describe: 'Why, for the journal and the log; needed to insist' })
      .example('bascule unlock production', 'After a deployment was killed')
      .example(
        'bascule unlock production --insist --reason "runner 7 is cut off"',
        'When nobody can see whether its holder is gone',
      ),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const request = requestOf(argv);
      return withSession(argv, { changes: false }, async (session) =>
        resultOf(session.environment, await unlock(session, request)),
      );
    }),
};

function requestOf({ insist, reason, environment }: UnlockOptions): UnlockRequest {
  if (insist && reason === undefined)
    throw new BasculeError({
      code: 'BASCULE_USAGE',
      message: '--insist needs --reason: why you know better, for everybody who reads the journal.',
      next: `\`bascule unlock ${environment} --insist --reason "…"\`. Nothing was changed.`,
    });
  return { insist, reason: reason === undefined ? null : freeText('reason', reason) };
}

function resultOf(environment: string, found: Unlocked): CommandResult {
  const { former, why, open } = found;
  const message =
    former === null
      ? `Nobody holds ${environment}; nothing was changed.`
      : `${environment} is unlocked; it was held by ${describeHolder(former.holder)} since ${new Date(former.acquiredAt).toISOString()}: ${why}.`;
  const next =
    open === null
      ? `No deployment is open: \`bascule deploy ${environment} --version <version>\` can begin.`
      : `Deployment ${open} is open: \`bascule resume ${environment}\` goes on with it; \`bascule abort ${environment}\` undoes it, weights first.`;
  return {
    exitCode: 0,
    json: {
      outcome: found.kind === 'free' ? 'not-held' : 'unlocked',
      message,
      why,
      former: former === null ? null : { ...former.holder, since: new Date(former.acquiredAt).toISOString() },
      open,
      next,
    },
    text: `${message}\nnext: ${next}`,
  };
}
