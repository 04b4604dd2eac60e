import type { WebhookSettings } from '../domain/config';
import { messageOf } from '../domain/errors';
import { letterOf } from '../domain/letter';
import type { Notification, NotificationEvent } from '../domain/notifications';
import { SIGNATURE_HEADER, signatureOf } from '../domain/signature';
import { jsonBody, slackBody, teamsBody } from '../domain/webhook-bodies';
import type { Channel, Clock } from '../ports';
import { secretFrom, withoutSecrets } from './channel-secrets';

/** A chat's webhook, or one of the user's own. */
export class WebhookChannel implements Channel {
  readonly name: string;
  readonly events: readonly NotificationEvent[];

  constructor(
    private readonly settings: WebhookSettings,
    private readonly clock: Clock,
  ) {
    this.name = settings.name;
    this.events = settings.events;
  }

  async send(notification: Notification, signal: AbortSignal): Promise<void> {
    const { secretVariable } = this.settings;
    const url = this.url();
    const body = JSON.stringify(this.bodyOf(notification));
    const headers = new Headers({ 'content-type': 'application/json', 'user-agent': 'bascule' });
    if (secretVariable !== undefined)
      headers.set(
        SIGNATURE_HEADER,
        signatureOf(body, secretFrom(secretVariable), Math.floor(this.clock.now() / 1000)),
      );
    // Whoever redirects would get the body, and a secret path, where nobody meant it to go.
    const status = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal }).then(
      async (answer) => {
        await answer.body?.cancel();
        return answer.status;
      },
      (thrown: unknown) => {
        throw new Error(`${url.host}: ${withoutSecrets(reasonOf(thrown), partsOf(url))}`);
      },
    );
    if (status < 200 || status > 299) throw new Error(`${url.host} answered ${status}`);
  }

  private bodyOf(notification: Notification): object {
    switch (this.settings.format) {
      case 'slack':
        return slackBody(letterOf(notification));
      case 'teams':
        return teamsBody(letterOf(notification));
      case 'json':
        return jsonBody(notification);
    }
  }

  private url(): URL {
    const { url, urlVariable = '' } = this.settings;
    const text = url ?? secretFrom(urlVariable);
    // What it holds is never told, not even where it is no URL.
    if (!URL.canParse(text) || !/^https?:/.test(text))
      throw new Error(`the environment variable ${urlVariable} holds no http:// or https:// URL`);
    return new URL(text);
  }
}

/** What of a URL may be a secret. */
function partsOf({ href, pathname, search, password }: URL): string[] {
  return [href, `${pathname}${search}`, pathname, search, password].filter((part) => part.length > 1);
}

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return messageOf(cause ?? thrown);
}
