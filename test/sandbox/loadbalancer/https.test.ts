import * as https from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAuthority, type CertificateAuthority } from '../../../automation/sandbox/loadbalancer';
import { Bench, Cleanup, forward, group, rule } from './support';

const cleanup = new Cleanup();
let bench: Bench;
let authority: CertificateAuthority;

const certificate = (arn: string, domain: string) => ({
  arn,
  domain,
  certificate: null,
  privateKey: null,
  chain: null,
});

beforeEach(async () => {
  authority = await createAuthority('Bascule sandbox');
  bench = await Bench.open(cleanup, { certificates: { authority } });
  await bench.run(cleanup, ['i-1']);
  bench.listener.protocol = 'HTTPS';
  bench.listener.certificateArns = ['arn:cert:1', 'arn:cert:2'];
  bench.state.certificates = [
    certificate('arn:cert:1', 'shop.example.com'),
    certificate('arn:cert:2', '*.other.org'),
  ];
  await bench.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1'])]);
  await bench.healthy('a', 'i-1');
});
afterEach(() => cleanup.run());

/** A request that trusts the authority only: the subject of the certificate served, and the body. */
async function get(servername: string, ca = authority.cert): Promise<{ names: string; body: string }> {
  return await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: bench.port, servername, ca, agent: false as const };
    const request = https.get(options, (response) => {
      const names = (response.socket as TLSSocket).getPeerCertificate().subjectaltname ?? '';
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ names, body }));
    });
    request.on('error', reject);
  });
}

it('serves each name its certificate, all trusted by the authority, and says https to the target', async () => {
  let proto: unknown;
  bench.processes.clear();
  const [process] = await bench.run(cleanup, ['i-1'], (request) => {
    proto = request.headers['x-forwarded-proto'];
    return false;
  });
  await bench.healthy('a', process?.id ?? '');
  expect(await get('shop.example.com')).toMatchObject({
    body: 'i-1',
    names: expect.stringContaining('shop.'),
  });
  expect((await get('www.other.org')).names).toContain('*.other.org');
  expect(proto).toBe('https');
});

it('is trusted by its address too', async () => {
  expect((await get('')).names).toContain('127.0.0.1');
});

it('is not trusted by anyone else', async () => {
  const other = await createAuthority('Someone else');
  await expect(get('shop.example.com', other.cert)).rejects.toThrow(/certificate|signature/);
});

it('serves an imported certificate, and changes to it without closing the port', async () => {
  const imported = await createAuthority('imported.example.com');
  bench.state.certificates = [
    {
      ...certificate('arn:cert:1', 'shop.example.com'),
      certificate: imported.cert,
      privateKey: imported.key,
    },
  ];
  bench.listener.certificateArns = ['arn:cert:1'];
  await bench.reapply();
  const subject = await new Promise<unknown>((resolve, reject) => {
    const options = { host: '127.0.0.1', port: bench.port, rejectUnauthorized: false, agent: false as const };
    https
      .get(options, (response) => {
        resolve((response.socket as TLSSocket).getPeerCertificate().subject.CN);
        response.resume();
      })
      .on('error', reject);
  });
  expect(subject).toBe('imported.example.com');
});

it('makes a certificate of its own without an authority, in a way that self-signed ones are trusted', async () => {
  const alone = await Bench.open(cleanup);
  alone.listener.protocol = 'HTTPS';
  alone.listener.certificateArns = ['arn:unknown'];
  await alone.apply([
    rule('default', {
      Type: 'fixed-response',
      FixedResponseConfig: { StatusCode: '200', MessageBody: 'alone' },
    }),
  ]);
  bench = alone;
  await expect(get('')).rejects.toThrow(/self-signed/);
});
