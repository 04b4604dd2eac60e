import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { COLOURS } from '../../../src/domain/colour';
import type { StackChanges } from '../../../src/ports';
import { nextDeployment, holding } from '../../operations/holding';
import { conclude } from '../command';
import { openEnvironment, withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';

function describeChanges(changes: StackChanges): string {
  const parts = (['created', 'updated', 'replaced', 'deleted', 'unchanged'] as const).flatMap((kind) =>
    changes[kind] === 0 ? [] : [`${changes[kind]} ${kind}`],
  );
  return parts.length === 0 ? 'nothing to do' : parts.join(', ');
}

export const upCommand: CommandModule<object, EnvironmentOptions> = {
  command: 'up <environment>',
  describe:
    'Make or change an environment: network, load balancer, listeners, target groups; never moves traffic',
  builder: (argv) =>
    environmentOptions(argv).example('bascule up production', 'Apply Pulumi.production.yaml'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const opened = await openEnvironment(argv);
      await opened.requireBucket();
      opened.progress(`applying the stack ${argv.environment}`);
      const changes = await opened.stacks.upService();
      const outputs = await opened.stacks.outputs();
      const regions = Object.entries(outputs?.regions ?? {});
      const lines = regions.flatMap(([region, found]) => [
        `  ${region}  production ${found.loadBalancerUrl}`,
        `  ${region}  test       ${found.testUrl}`,
      ]);
      const text = [`${argv.environment} is up: ${describeChanges(changes)}.`, ...lines].join('\n');
      return { exitCode: 0, json: { outcome: 'succeeded', changes, regions: outputs?.regions ?? {} }, text };
    }),
};

interface DownOptions extends EnvironmentOptions {
  yes: boolean;
}

export const downCommand: CommandModule<object, DownOptions> = {
  command: 'down <environment>',
  describe: 'Take an environment away: both fleets of every region, then the load balancer and network',
  builder: (argv) =>
    environmentOptions(argv)
      .option('yes', { type: 'boolean', default: false, describe: 'Really do it: production traffic ends' })
      .example('bascule down staging --yes', 'Take staging away; the bucket with its journal stays'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      if (!argv.yes)
        throw new BasculeError({
          code: 'BASCULE_CONFIRM',
          message: `\`down\` ends all traffic of ${argv.environment} and deletes its fleets, load balancer and network.`,
          next: `If that is what you want: \`bascule down ${argv.environment} --yes\`. Nothing was changed.`,
        });
      const opened = await openEnvironment(argv);
      const outputs = await opened.stacks.outputs();
      if (outputs === undefined) {
        const message = `${argv.environment} is not up; nothing was changed.`;
        return { exitCode: 0, json: { outcome: 'not-up', message }, text: message };
      }
      return withSession(argv, { changes: true }, async (session) =>
        holding(session, await nextDeployment(session), async () => {
          for (const region of session.regions) {
            opened.progress(`removing both fleets in ${region}: instances drain first`);
            await Promise.all(COLOURS.map((colour) => opened.stacks.destroyFleet(region, colour)));
          }
          opened.progress(`removing the stack ${argv.environment}`);
          const changes = await opened.stacks.destroyService();
          const message = `${argv.environment} is down: ${describeChanges(changes)}. Its journal stays in the bucket.`;
          return { exitCode: 0, json: { outcome: 'succeeded', message }, text: message };
        }),
      );
    }),
};
