import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/errors';

/** What it means when AWS gave the engine no answer, as opposed to one that the release is to blame for. */
interface Silence {
  code:
    'BASCULE_AWS_THROTTLED' | 'BASCULE_AWS_CREDENTIALS' | 'BASCULE_AWS_UNREACHABLE' | 'BASCULE_AWS_FAILED';
  means: string;
  next: string;
}

/**
 * In the words of the AWS SDK for Go, with which the provider and the engine's own S3 backend speak, and of the
 * network below it. Read in this order: a throttled answer may have a server error's status.
 */
const WORDS: [RegExp, Silence][] = [
  [
    /\b(Throttling|ThrottlingException|ThrottledException|RequestLimitExceeded|TooManyRequestsException|SlowDown)\b|Rate exceeded/,
    {
      code: 'BASCULE_AWS_THROTTLED',
      means: 'AWS refused it for longer than the retries last, because the account’s rate is used up',
      next: 'Try again when less else calls AWS.',
    },
  ],
  [
    /\b(ExpiredToken|ExpiredTokenException|RequestExpired|InvalidClientTokenId|UnrecognizedClientException)\b|security token .*(expired|invalid)|no valid credential sources/i,
    {
      code: 'BASCULE_AWS_CREDENTIALS',
      means: 'its credentials are missing or expired',
      next: 'Renew the credentials.',
    },
  ],
  [
    /connection re(set|fused)|broken pipe|\b(ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)\b|socket hang up|i\/o timeout|TLS handshake timeout|no such host|network is unreachable|unexpected EOF|StatusCode: 0\b|request send failed/,
    {
      code: 'BASCULE_AWS_UNREACHABLE',
      means: 'it could not reach AWS',
      next: 'Check the network.',
    },
  ],
  [
    /Status ?Code: 5\d\d|\b(InternalError|InternalFailure|InternalServerError|ServiceUnavailable|UnreadableAnswer)\b/i,
    {
      code: 'BASCULE_AWS_FAILED',
      means: 'AWS failed',
      next: 'Try again; look at the AWS health dashboard.',
    },
  ],
];

/** Why AWS gave no answer, by the engine's own account; undefined when it says anything else. */
export function silenceIn(lines: readonly string[]): Silence | undefined {
  const text = lines.join('\n');
  return WORDS.find(([words]) => words.test(text))?.[1];
}

/** Before a command is asked again; the engine's own three attempts are over within a second or two. */
const PAUSES_MILLISECONDS = [1_000, 3_000, 9_000];

/** Asks again what changes nothing, until AWS answers the engine; credentials that expired do not come back by that. */
export async function untilAnswered<T>(read: () => Promise<T>, pauses = PAUSES_MILLISECONDS): Promise<T> {
  for (const pause of pauses) {
    try {
      return await read();
    } catch (thrown) {
      const silence = silenceIn([messageOf(thrown)]);
      if (silence === undefined || silence.code === 'BASCULE_AWS_CREDENTIALS') throw thrown;
      await delay(pause);
    }
  }
  return read();
}
