import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { readJson, writeFileAtomically, writeJson } from '../lifecycle/files';
import type { SandboxPaths } from '../lifecycle/paths';
import { createAuthority, type CertificateAuthority } from '../loadbalancer';

const authoritySchema = z.object({ key: z.string(), cert: z.string() });

/**
 * The authority that signs the certificates of the sandbox's HTTPS listeners; made once, so that a client
 * that was told to trust it need not be told again. Its certificate alone is written beside it as PEM.
 */
export async function sandboxAuthority(paths: SandboxPaths): Promise<CertificateAuthority> {
  const file = path.join(path.dirname(paths.authorityCertificate), 'authority.json');
  const known = await readJson(file, authoritySchema);
  const authority = known ?? (await createAuthority('Bascule sandbox'));
  if (!known) {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeJson(file, authority);
  }
  await writeFileAtomically(paths.authorityCertificate, authority.cert);
  return authority;
}
