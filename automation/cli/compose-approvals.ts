import { readdir } from 'node:fs/promises';
import { loadEnvironmentFile } from '../../src/adapters/config-file';
import { AMBIENT, parseStackName } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { ApprovalDesk } from '../operations/approve';
import { projectFolder } from './compose';

/** The place of an environment at which people approve: neither the engine nor the stacks are needed. */
export async function openApprovalDesk(
  project: string | undefined,
  environment: string,
): Promise<ApprovalDesk> {
  const config = await loadEnvironmentFile(projectFolder(project), environment);
  const [aws, { Objects }, { S3Journal }, { S3Leases }, { S3Approvals }, { StsIdentity }, { systemClock }] =
    await Promise.all([
      import('../../src/adapters/aws.js'),
      import('../../src/adapters/objects.js'),
      import('../../src/adapters/journal.js'),
      import('../../src/adapters/leases.js'),
      import('../../src/adapters/approvals.js'),
      import('../../src/adapters/sts-identity.js'),
      import('../../src/adapters/clock.js'),
    ]);
  const home = config.regions[0] ?? '';
  // In one's own name: the role of the environment's access is the one that asks.
  const { s3, sts } = aws.createClients(home, AMBIENT);
  const objects = new Objects(s3, config.bucket);
  return {
    environment,
    journal: new S3Journal(objects, environment),
    leases: new S3Leases(objects, environment, systemClock),
    approvals: new S3Approvals(objects, environment),
    identity: new StsIdentity(sts),
    clock: systemClock,
  };
}

/**
 * The environment that has a deployment.
 * @throws BasculeError BASCULE_USAGE (exit code 2) where none of the project's has it, or several.
 */
export async function environmentOf(project: string | undefined, deployment: string): Promise<string> {
  const names = await environmentsIn(projectFolder(project));
  const having = await Promise.all(
    names.map(async (name) => {
      const { journal } = await openApprovalDesk(project, name);
      const ids = await journal.list().catch((thrown: unknown): string[] => {
        // One that these credentials may not read is none that they may approve in.
        if (thrown instanceof BasculeError && thrown.code === 'BASCULE_AWS_DENIED') return [];
        throw thrown;
      });
      return ids.includes(deployment) ? [name] : [];
    }),
  );
  const [only, ...more] = having.flat();
  if (only !== undefined && more.length === 0) return only;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message:
      only === undefined
        ? `None of the environments that can be read (${names.join(', ')}) has a deployment ${deployment}.`
        : `Several environments have a deployment ${deployment}: ${[only, ...more].join(', ')}.`,
    next: 'Name the environment: `bascule approve <deployment> --environment <environment> --comment <why>`.',
  });
}

export async function environmentsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).flatMap((file) => {
    const name = parseStackName(/^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? '');
    return name?.kind === 'service' ? [name.environment] : [];
  });
  return names.sort();
}
