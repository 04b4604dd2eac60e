import type { SmtpSettings } from '../domain/config';
import { messageOf } from '../domain/errors';
import { letterOf, letterText } from '../domain/letter';
import { letterHtml } from '../domain/letter-html';
import type { Notification, NotificationEvent } from '../domain/notifications';
import type { Channel } from '../ports';
import { secretFrom, withoutSecrets } from './channel-secrets';

/** A mail server that says nothing for so long does not hear. */
const SILENCE_MILLISECONDS = 10_000;

/** Mail by SMTP, with plain text and HTML. */
export class MailChannel implements Channel {
  readonly name: string;
  readonly events: readonly NotificationEvent[];

  constructor(private readonly settings: SmtpSettings) {
    this.name = settings.name;
    this.events = settings.events;
  }

  async send(notification: Notification, signal: AbortSignal): Promise<void> {
    const { host, port, tls, userVariable, passwordVariable } = this.settings;
    const user = userVariable === undefined ? undefined : secretFrom(userVariable);
    const pass = passwordVariable === undefined ? undefined : secretFrom(passwordVariable);
    const { createTransport } = await import('nodemailer');
    const transport = createTransport({
      host,
      port,
      secure: tls === 'implicit',
      requireTLS: tls === 'starttls',
      ignoreTLS: tls === 'none',
      connectionTimeout: SILENCE_MILLISECONDS,
      dnsTimeout: SILENCE_MILLISECONDS,
      greetingTimeout: SILENCE_MILLISECONDS,
      socketTimeout: SILENCE_MILLISECONDS,
      ...(user !== undefined && pass !== undefined && { auth: { user, pass } }),
    });
    // What is under way ends with its signal, also in the midst of a mail, and its connection is closed.
    const mail = { ...this.mailOf(notification), signal };
    try {
      await transport.sendMail(mail);
    } catch (thrown) {
      const secrets = [pass ?? '', Buffer.from(pass ?? '').toString('base64')];
      throw new Error(`${host}:${port}: ${withoutSecrets(messageOf(thrown), secrets)}`);
    }
  }

  private mailOf(notification: Notification) {
    const { from, to, name } = this.settings;
    const { id, deployment, sequence } = notification;
    const letter = letterOf(notification);
    const domain = from.slice(from.lastIndexOf('@') + 1);
    return {
      from,
      to,
      subject: letter.title,
      text: letterText(letter),
      html: letterHtml(letter),
      // The same whenever it is sent again: many mail servers drop the second one. And one thread for a deployment.
      messageId: `<${deployment}.${sequence}.${name}.bascule@${domain}>`,
      references: `<${deployment}.bascule@${domain}>`,
      // RFC 3834: nobody's absence notice answers.
      headers: { 'auto-submitted': 'auto-generated', 'x-bascule-notification': id },
    };
  }
}
