import type { TopicSettings } from '../domain/config';
import { letterOf, letterText } from '../domain/letter';
import type { Notification, NotificationEvent } from '../domain/notifications';
import type { Channel } from '../ports';
import { createTopicsClient } from './aws';

/** SNS API reference, "Publish": a subject has less than 100 printable ASCII characters, in one line. */
const SUBJECT = 99;

/** A topic of SNS; what its subscribers filter by stands in the attributes. */
export class TopicChannel implements Channel {
  readonly name: string;
  readonly events: readonly NotificationEvent[];

  constructor(private readonly settings: TopicSettings) {
    this.name = settings.name;
    this.events = settings.events;
  }

  async send(notification: Notification, signal: AbortSignal): Promise<void> {
    const { topicArn } = this.settings;
    const { PublishCommand } = await import('@aws-sdk/client-sns');
    const client = await createTopicsClient(topicArn.split(':')[3] ?? '');
    const letter = letterOf(notification);
    const { id, event, change } = notification;
    const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
    await client.send(
      new PublishCommand({
        TopicArn: topicArn,
        Subject: letter.title.replace(/[^\x20-\x7e]+/g, '?').slice(0, SUBJECT),
        Message: letterText(letter),
        MessageAttributes: {
          id: attribute(id),
          event: attribute(event),
          environment: attribute(change.environment),
          service: attribute(change.service),
        },
      }),
      { abortSignal: signal },
    );
  }
}
