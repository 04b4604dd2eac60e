import { postToControlPlane } from './control-plane';
import { SANDBOX_REGION } from './settings';

/** Gives each account what it has from the start: a bucket and roles. Safe to repeat. */
export async function foundAccounts(endpoint: string, accounts: readonly string[]): Promise<void> {
  await postToControlPlane(endpoint, 'accounts', { accounts, region: SANDBOX_REGION });
}
