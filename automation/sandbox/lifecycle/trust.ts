import { readFile } from 'node:fs/promises';
import { writeFileAtomically } from './files';
import type { SandboxPaths } from './paths';

/**
 * Writes the file that NODE_EXTRA_CA_CERTS names in the sandbox's environment: the sandbox's authority, and
 * the certificates that the user trusts already, which would otherwise be lost. The daemon must be up, since
 * it makes the authority.
 * @param own the user's NODE_EXTRA_CA_CERTS; it may be the sandbox's file itself, and need not exist
 */
export async function writeTrustedCertificates(paths: SandboxPaths, own: string | undefined): Promise<void> {
  const authority = (await readFile(paths.authorityCertificate, 'utf8')).trim();
  // Node, too, goes on without a file that it cannot read.
  const known = own === undefined ? '' : (await readFile(own, 'utf8').catch(() => '')).trim();
  const trusted = known.includes(authority) ? [known] : [authority, known];
  await writeFileAtomically(paths.trustedCertificates, `${trusted.join('\n').trim()}\n`);
}
