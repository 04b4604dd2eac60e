import type { ChannelSettings } from '../domain/config';
import type { Channel } from '../ports';
import { WebhookChannel } from './chat-webhook';
import { systemClock } from './clock';
import { MailChannel } from './mail';
import { TopicChannel } from './topic';

/** A channel as configured; nothing is asked of the world before something is sent. */
export function channelFor(settings: ChannelSettings): Channel {
  switch (settings.kind) {
    case 'smtp':
      return new MailChannel(settings);
    case 'sns':
      return new TopicChannel(settings);
    case 'webhook':
      return new WebhookChannel(settings, systemClock);
  }
}
