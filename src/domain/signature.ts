import { createHmac } from 'node:crypto';

/** The header that tells a receiver who sent a body, and when. */
export const SIGNATURE_HEADER = 'x-bascule-signature';

/** `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`. */
export function signatureOf(body: string, secret: string, unixSeconds: number): string {
  const sum = createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex');
  return `t=${unixSeconds},v1=${sum}`;
}
