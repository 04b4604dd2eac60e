import { createPrivateKey, createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { generate } from 'selfsigned';
import type { CertificateState } from '../contract';
import type { CertificateAuthority } from './types';

/** A certificate that a listener can serve. */
export interface ServedCertificate {
  domain: string;
  /** Changes when the certificate does. */
  fingerprint: string;
  /** PEM: the certificate and those that signed it. */
  cert: string;
  /** PEM. */
  key: string;
  context: SecureContext;
}

const YEAR_MS = 365 * 24 * 3_600_000;

/** Whether a server name is covered by a certificate's domain, `*.example.com` for one label. */
export function covers(domain: string, serverName: string): boolean {
  const wanted = serverName.toLowerCase();
  const own = domain.toLowerCase();
  if (!own.startsWith('*.')) return own === wanted;
  const dot = wanted.indexOf('.');
  return dot > 0 && wanted.slice(dot) === own.slice(1);
}

/** Finds or makes the certificates of HTTPS listeners. */
export class Certificates {
  private readonly made = new Map<string, Promise<ServedCertificate>>();

  constructor(private readonly authority: CertificateAuthority | undefined) {}

  /**
   * The certificate with its imported key where the control plane has it. Otherwise one made for the
   * domain and the load balancer's address, once for each.
   * @param address the load balancer's, so that a client may call it by its address too
   */
  async served(certificate: CertificateState, address: string): Promise<ServedCertificate> {
    const content = [certificate.domain, certificate.certificate, certificate.privateKey, certificate.chain];
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([content, address]))
      .digest('hex');
    let made = this.made.get(fingerprint);
    if (made === undefined) {
      made = this.make(certificate, address, fingerprint);
      this.made.set(fingerprint, made);
      made.catch(() => this.made.delete(fingerprint));
    }
    return await made;
  }

  private async make(
    state: CertificateState,
    address: string,
    fingerprint: string,
  ): Promise<ServedCertificate> {
    const { domain } = state;
    const known = state.certificate !== null && state.privateKey !== null;
    const own = known
      ? { cert: state.certificate ?? '', key: state.privateKey ?? '', signer: state.chain }
      : { ...(await this.issue(domain, address)), signer: this.authority?.cert };
    const cert = [own.cert, own.signer ?? ''].join('\n');
    return { domain, fingerprint, cert, key: own.key, context: createSecureContext({ cert, key: own.key }) };
  }

  private async issue(domain: string, address: string): Promise<CertificateAuthority> {
    const key = this.authority === undefined ? undefined : createPrivateKey(this.authority.key);
    const made = await generate([{ name: 'commonName', value: domain }], {
      // An authority signs with the kind of key it has.
      keyType: key?.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec',
      algorithm: 'sha256',
      notAfterDate: new Date(Date.now() + YEAR_MS),
      ca: this.authority,
      extensions: [
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: [
            { type: 2, value: domain },
            isIP(address) ? { type: 7, ip: address } : { type: 2, value: address },
          ],
        },
      ],
    });
    return { key: made.private, cert: made.cert };
  }
}

/** Makes an authority for Certificates, valid for ten years. */
export async function createAuthority(commonName: string): Promise<CertificateAuthority> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 10 * YEAR_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}
