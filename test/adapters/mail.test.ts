/** Mail by SMTP against a server on this machine. */
import net from 'node:net';
import { once } from 'node:events';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MailChannel } from '../../src/adapters/mail';
import type { SmtpSettings } from '../../src/domain/config';
import { NOTIFICATION_EVENTS } from '../../src/domain/notifications';
import { failure, patient } from '../support/channels';
import { MailServer } from '../support/mail';
import { notice } from '../support/notices';
import { freePort } from '../support/ports';
import { must } from '../support/until';

const stops: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const stop of stops.splice(0)) await stop();
});

async function started(options?: Parameters<typeof MailServer.start>[0]): Promise<MailServer> {
  const server = await MailServer.start(options);
  stops.push(() => server.stop());
  return server;
}

function channel({ port }: { port: number }, change: Partial<SmtpSettings> = {}): MailChannel {
  return new MailChannel({
    kind: 'smtp',
    name: 'mail',
    host: '127.0.0.1',
    port,
    tls: 'none',
    from: 'bascule@example.com',
    to: ['ops@example.com', 'lead@example.com'],
    events: [...NOTIFICATION_EVENTS],
    ...change,
  });
}

describe('a mail', () => {
  it('reaches everybody with the change set and how to approve, as text and as HTML', async () => {
    const server = await started();
    await channel(server).send(notice(), patient());
    const mail = must(server.mails[0]);
    expect(mail.to).toEqual(['ops@example.com', 'lead@example.com']);
    expect(mail.from).toBe('bascule@example.com');
    expect(mail.subject).toBe('production: the deployment of 2.0.0 waits for approval release');
    for (const part of [
      '1.9.3',
      '2.0.0',
      'Round prices at the till',
      'bascule approve production',
      'plan-0123',
    ])
      for (const body of [mail.text, mail.html]) expect(body).toContain(part);
    expect(mail.text).toContain('Prices with <tax> & "round" numbers');
    expect(mail.html).toContain('Prices with &lt;tax&gt; &amp; &quot;round&quot; numbers');
  });

  it('that is sent twice bears the same id, and all of a deployment are one thread', async () => {
    const server = await started();
    await channel(server).send(notice(), patient());
    await channel(server).send(notice(), patient());
    const [first, second] = server.mails.map(({ headers }) => headers);
    expect(first?.['message-id']).toBe(second?.['message-id']);
    expect(first?.['references']).toContain('20261121-101500-1a2b');
    expect(first?.['x-bascule-notification']).toBe('20261121-101500-1a2b/12');
    expect(first?.['auto-submitted']).toBe('auto-generated');
  });

  it('is sent with the user and password that variables hold', async () => {
    vi.stubEnv('MAIL_USER', 'bascule');
    vi.stubEnv('MAIL_PASSWORD', 'correct horse');
    const logins: unknown[] = [];
    const server = await started({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, callback) => {
        logins.push([username, password]);
        callback(null, { user: username });
      },
    });
    const secrets = { userVariable: 'MAIL_USER', passwordVariable: 'MAIL_PASSWORD' };
    await channel(server, secrets).send(notice(), patient());
    expect(logins).toEqual([['bascule', 'correct horse']]);
    expect(server.mails).toHaveLength(1);
  });
});

describe('a mail server', () => {
  it('that refuses the password is quoted without it', async () => {
    vi.stubEnv('MAIL_USER', 'bascule');
    vi.stubEnv('MAIL_PASSWORD', 'correct-horse');
    const server = await started({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, callback) => callback(new Error(`bad password ${password ?? ''}`)),
    });
    const secrets = { userVariable: 'MAIL_USER', passwordVariable: 'MAIL_PASSWORD' };
    const message = await failure(channel(server, secrets).send(notice(), patient()));
    expect(message).toContain('bad password [secret]');
    expect(message).not.toContain('correct-horse');
  });

  it('is not asked where a variable is missing', async () => {
    const server = await started();
    const secrets = { userVariable: 'NO_SUCH_USER', passwordVariable: 'NO_SUCH_PASSWORD' };
    const message = await failure(channel(server, secrets).send(notice(), patient()));
    expect(message).toBe('the environment variable NO_SUCH_USER is not set');
  });

  it.each([
    ['offers no STARTTLS where that is configured', 'starttls' as const, ['AUTH', 'STARTTLS']],
    ['shows a certificate that nobody vouches for', 'starttls' as const, ['AUTH']],
  ])('that %s gets nothing', async (_, tls, disabledCommands) => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }]);
    const server = await started({ disabledCommands, key, cert });
    expect(await failure(channel(server, { tls }).send(notice(), patient()))).toContain(
      `127.0.0.1:${server.port}`,
    );
    expect(server.mails).toEqual([]);
  });

  it('that refuses the mail is told with its reason', async () => {
    const server = await started();
    server.beforeMail = () => {
      throw Object.assign(new Error('the disk is full'), { responseCode: 452 });
    };
    expect(await failure(channel(server).send(notice(), patient()))).toContain('the disk is full');
  });

  it('that says nothing is left when it is told to, with its connection', async () => {
    const port = await freePort();
    const silent = net.createServer();
    silent.listen(port, '127.0.0.1');
    await once(silent, 'listening');
    stops.push(() => void silent.close());
    const leaving = new AbortController();
    const connected = once(silent, 'connection') as Promise<[net.Socket]>;
    const sending = failure(channel({ port }).send(notice(), leaving.signal));
    const [socket] = await connected;
    const gone = once(socket, 'close');
    socket.resume();
    leaving.abort();
    expect(await sending).toContain(`127.0.0.1:${port}`);
    await gone;
  });
});
