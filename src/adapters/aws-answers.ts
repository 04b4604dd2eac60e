import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';

export interface HttpAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body?: unknown;
}

/** Bodies of S3 objects up to this size are read within the attempt, so that one that breaks off is asked for again. */
const READ_AT_ONCE_BYTES = 4 * 1024 * 1024;

const IN_JSON = new Set(['cloudwatch', 'servicequotas', 'ssm']);

/** S3 calls whose answer says all in its headers. */
const TAGGED = /^(GetObject|PutObject|HeadObject)$/;

/**
 * Refuses what is no answer of AWS's: an empty one or a page of some proxy would be taken for one that lists
 * nothing, and a fleet or a release would seem to be gone. The answer's body is read on the way.
 */
export async function checkAnswer(service: string, action: string, answer: HttpAnswer): Promise<void> {
  const succeeded = answer.statusCode < 300;
  if (service === 's3' && TAGGED.test(action) && succeeded) {
    if (answer.headers['etag'] === undefined) throw unreadable(answer, 'without an ETag');
    if (action === 'GetObject') await readWhole(answer);
    return;
  }
  if (!(answer.body instanceof Readable)) return;
  const bytes = await buffer(answer.body);
  answer.body = new Uint8Array(bytes);
  const text = bytes.toString('utf8', 0, 512).trimStart();
  if (text === '' && isSilent(action, answer)) return;
  if (!isOfTheProtocol(service, text)) throw unreadable(answer, `: ${text.slice(0, 80) || 'nothing'}`);
}

/** Head calls have no body, and an error may have none; the status says enough then. */
function isSilent(action: string, { statusCode }: HttpAnswer): boolean {
  return statusCode >= 300 || action.startsWith('Head');
}

function isOfTheProtocol(service: string, text: string): boolean {
  if (IN_JSON.has(service)) return text.startsWith('{');
  return /^(<\?xml[^>]*\?>)?\s*<([\w-]+:)?\w*(Response|Result|Error|Tagging)\b/.test(text);
}

async function readWhole(answer: HttpAnswer): Promise<void> {
  const length = Number(answer.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length > READ_AT_ONCE_BYTES || !(answer.body instanceof Readable)) return;
  answer.body = Readable.from([await buffer(answer.body)]);
}

/** Marked for the SDK as worth another attempt, unless AWS refuses the call itself. */
function unreadable({ statusCode }: HttpAnswer, what: string): Error {
  const refusal = statusCode >= 400 && statusCode < 500;
  return Object.assign(new Error(`the answer (HTTP ${statusCode}) is not AWS’s${what}`), {
    name: UNREADABLE,
    $metadata: { httpStatusCode: statusCode },
    ...(refusal ? {} : { $retryable: {} }),
  });
}

export const UNREADABLE = 'UnreadableAnswer';
