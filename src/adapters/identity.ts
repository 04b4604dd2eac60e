import { accountOfAccess, type Access } from '../domain/config/access';
import { BasculeError } from '../domain/errors';
import { createClients } from './aws';
import { StsIdentity } from './sts-identity';

/** What of an environment's file says in which account work is done. */
export interface Place {
  account?: string | undefined;
  access?: Access | undefined;
  regions: string[];
}

/**
 * Refuses to work in another account than the file says. Where it says nothing of one, nothing is asked.
 * @throws BasculeError BASCULE_WRONG_ACCOUNT (exit code 2).
 */
export async function requireAccount(
  environment: string,
  { account, access, regions }: Place,
): Promise<void> {
  const wanted = account ?? (access === undefined ? undefined : accountOfAccess(access));
  if (wanted === undefined) return;
  const found = await new StsIdentity(createClients(regions[0] ?? '').sts).current();
  if (found.account === wanted) return;
  throw new BasculeError({
    code: 'BASCULE_WRONG_ACCOUNT',
    message: `${environment} belongs to account ${wanted}, and the credentials are of account ${found.account}; nothing was touched.`,
    details: [`credentials: ${found.arn}`],
    next: `Use credentials of account ${wanted} (AWS_PROFILE, or \`access\` in Pulumi.${environment}.yaml), or correct \`account\` there. \`bascule doctor ${environment}\` shows which ones are used.`,
  });
}
