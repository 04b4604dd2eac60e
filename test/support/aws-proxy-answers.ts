/** Error answers as each of AWS's protocols words them. */
import type { AwsCall, WireFormat } from './aws-proxy-calls';

export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** The error that a service sends, with the status and code that a test asks for. */
export function errorAnswer(format: WireFormat, status: number, code: string): HttpAnswer {
  const message = 'injected by the test';
  const xml = (text: string): HttpAnswer => ({
    status,
    headers: { 'content-type': 'text/xml' },
    body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`),
  });
  switch (format) {
    case 'query': {
      const type = status >= 500 ? 'Receiver' : 'Sender';
      return xml(
        `<ErrorResponse><Error><Type>${type}</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>injected</RequestId></ErrorResponse>`,
      );
    }
    case 'ec2':
      return xml(
        `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>injected</RequestID></Response>`,
      );
    case 's3':
      return xml(
        `<Error><Code>${code}</Code><Message>${message}</Message><RequestId>injected</RequestId></Error>`,
      );
    case 'json':
      return {
        status,
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': code },
        body: Buffer.from(JSON.stringify({ __type: code, message })),
      };
    case 'cbor':
      return {
        status,
        headers: { 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' },
        body: Buffer.concat([Buffer.of(0xa2), ...['__type', code, 'message', message].map(cborText)]),
      };
    case 'none':
      return { status, headers: { 'content-type': 'text/plain' }, body: Buffer.from(`${code}: ${message}`) };
  }
}

/** RFC 8949: major type 3, its length in one byte when below 24 and in a following byte otherwise. */
function cborText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = bytes.length < 24 ? Buffer.of(0x60 + bytes.length) : Buffer.of(0x78, bytes.length);
  return Buffer.concat([head, bytes]);
}

/** How the service of a call says that its rate was exceeded. */
export function throttling(call: AwsCall): { kind: 'answer'; status: number; code: string } {
  switch (call.service) {
    case 's3':
      return { kind: 'answer', status: 503, code: 'SlowDown' };
    case 'ec2':
      return { kind: 'answer', status: 503, code: 'RequestLimitExceeded' };
    default:
      return {
        kind: 'answer',
        status: 400,
        code: call.format === 'json' ? 'ThrottlingException' : 'Throttling',
      };
  }
}
