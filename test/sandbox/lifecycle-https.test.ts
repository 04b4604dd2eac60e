import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ACMClient, RequestCertificateCommand } from '@aws-sdk/client-acm';
import { CreateListenerCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sandboxEnv, withoutAws } from '../../automation/sandbox';
import { createAuthority } from '../../automation/sandbox/loadbalancer';
import { LiveSandbox } from '../support/live-sandbox';
import { freePort } from '../support/ports';
import { until } from '../support/until';

const run = promisify(execFile);

describe('HTTPS in the sandbox', () => {
  let sandbox: LiveSandbox;
  beforeAll(async () => {
    sandbox = await LiveSandbox.start();
  });
  afterAll(async () => sandbox.dispose());

  /** Asks from a process of its own: Node reads whom it is to trust when it starts. */
  async function ask(url: string, environment: NodeJS.ProcessEnv): Promise<string> {
    const program = `require('node:https').get(${JSON.stringify(url)}, { agent: false }, (answer) => {
      console.log(answer.statusCode);
      answer.resume();
    }).on('error', (problem) => console.log(problem.code));`;
    const env = { ...withoutAws(process.env), NODE_EXTRA_CA_CERTS: undefined, ...environment };
    return (await run(process.execPath, ['-e', program], { env })).stdout.trim();
  }

  it('is trusted by a client in its environment, and by no other, when the certificate was requested', async () => {
    const acm = new ACMClient(sandbox.options());
    const { CertificateArn } = await acm.send(new RequestCertificateCommand({ DomainName: 'shop.example' }));
    acm.destroy();
    const instance = await sandbox.run(await sandbox.bake('hello', '1.0.0'));
    const { arn, url, targetGroup } = await sandbox.balance('https', [instance]);
    const { hostname } = new URL(url);
    const port = await freePort();
    await sandbox.elb().send(
      new CreateListenerCommand({
        LoadBalancerArn: arn,
        Protocol: 'HTTPS',
        Port: port,
        Certificates: [{ CertificateArn }],
        DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroup }],
      }),
    );
    const address = `https://${hostname}:${port}/`;
    await until(
      () => sandbox.instance(instance),
      ({ health }) => health[0]?.state === 'healthy',
    );
    expect(await ask(address, sandboxEnv(sandbox.info))).toBe('200');
    expect(await ask(address, {})).toMatch(/SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/);
  });

  it('adds its authority to those that the user trusts, once', async () => {
    const other = await createAuthority('A company');
    const own = path.join(sandbox.folder, 'company.pem');
    await writeFile(own, other.cert);
    const subjects = async () => {
      const text = await readFile(sandboxEnv(sandbox.info)['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8');
      const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
      return found.map((one) => new X509Certificate(one).subject);
    };
    try {
      vi.stubEnv('NODE_EXTRA_CA_CERTS', own);
      await sandbox.startAgain();
      const both = ['CN=Bascule sandbox', 'CN=A company'];
      expect(await subjects()).toEqual(both);
      vi.stubEnv('NODE_EXTRA_CA_CERTS', sandboxEnv(sandbox.info)['NODE_EXTRA_CA_CERTS']);
      await sandbox.startAgain();
      expect(await subjects()).toEqual(both);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
