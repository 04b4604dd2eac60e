import { describeAccess } from '../../src/domain/config/access';
import { BasculeError } from '../../src/domain/errors';
import type { Component } from '../engine/doctor';
import { projectFolder } from './compose';

/** Which credentials an environment is worked on with, and whether they are of its account; asks AWS's STS. */
export async function environmentAccess(
  environment: string,
  project: string | undefined,
): Promise<Component> {
  const [{ loadEnvironmentFile }, { useAccess }, { createClients }, { StsIdentity }, { requireAccount }] =
    await Promise.all([
      import('../../src/adapters/config-file.js'),
      import('../../src/adapters/access.js'),
      import('../../src/adapters/aws.js'),
      import('../../src/adapters/sts-identity.js'),
      import('../../src/adapters/identity.js'),
    ]);
  const config = await loadEnvironmentFile(projectFolder(project), environment);
  useAccess(config.access, config.regions[0]);
  const facts = {
    name: `AWS access of ${environment}`,
    needed: true,
    source: describeAccess(config.access),
  };
  try {
    const { sts } = createClients(config.regions[0] ?? '');
    const { account, arn } = await new StsIdentity(sts).current();
    await requireAccount(environment, config);
    return { ...facts, status: 'ok', version: account, path: arn };
  } catch (thrown) {
    if (!(thrown instanceof BasculeError)) throw thrown;
    return { ...facts, status: 'missing', next: `${thrown.message} ${thrown.next}` };
  }
}
