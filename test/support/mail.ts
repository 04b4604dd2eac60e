import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import PostalMime from 'postal-mime';
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server';
import { freePort } from './ports';
import { must, until } from './until';

/** A mail as its recipients read it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  subject: string;
  text: string;
  html: string;
  headers: Record<string, string>;
}

/** A mail server on this machine that keeps what it gets; without TLS and authentication unless a test wants them. */
export class MailServer {
  readonly host = '127.0.0.1';
  readonly mails: ReceivedMail[] = [];
  /** Called before each mail is taken; what it throws is the server's refusal. */
  beforeMail: () => Promise<void> | void = () => undefined;
  private readonly server: SMTPServer;

  private constructor(
    readonly port: number,
    options: SMTPServerOptions,
  ) {
    this.server = new SMTPServer({
      ...options,
      onData: (stream, session, callback) => {
        this.take(stream, session).then(
          () => callback(),
          (thrown: unknown) => callback(thrown instanceof Error ? thrown : new Error(String(thrown))),
        );
      },
    });
    // A client that leaves in the midst of a mail is no failure of the test's.
    this.server.on('error', () => undefined);
  }

  static async start(
    options: SMTPServerOptions = { disabledCommands: ['AUTH', 'STARTTLS'] },
  ): Promise<MailServer> {
    const started = new MailServer(await freePort(), options);
    started.server.listen(started.port, started.host);
    await once(started.server.server, 'listening');
    return started;
  }

  /** The first mail whose subject has this in it; waited for. */
  async mail(subject: string, seconds = 60): Promise<ReceivedMail> {
    const found = await until(
      () => Promise.resolve(this.mails.find((one) => one.subject.includes(subject))),
      (one) => one !== undefined,
      seconds,
    );
    return must(found);
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async take(stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<void> {
    const raw = await buffer(stream);
    await this.beforeMail();
    const { from, subject = '', text = '', html = '', headers } = await PostalMime.parse(raw);
    this.mails.push({
      from: from?.address ?? '',
      to: envelope.rcptTo.map(({ address }) => address),
      ...{ subject, text, html },
      headers: Object.fromEntries(headers.map(({ key, value }) => [key, value])),
    });
  }
}
