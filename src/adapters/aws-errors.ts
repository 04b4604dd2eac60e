import { BasculeError, messageOf } from '../domain/errors';
import { UNREADABLE } from './aws-answers';
import { isBusy } from './aws-retries';

const CREDENTIALS =
  /^(CredentialsProviderError|ExpiredToken|ExpiredTokenException|RequestExpired|InvalidClientTokenId|UnrecognizedClientException|AuthFailure|InvalidAccessKeyId|SignatureDoesNotMatch|TokenProviderError)$/;
const DENIED = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|UnauthorizedException)$/;
const THROTTLED =
  /^(Throttling|ThrottlingException|ThrottledException|EC2ThrottledException|RequestLimitExceeded|TooManyRequestsException|SlowDown|RequestThrottled|RequestThrottledException)$/;
const UNREACHABLE =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|TimeoutError|RequestTimeout|RequestTimeoutException|(CERT|ERR_TLS|ERR_SSL|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)_\w+)$/;

interface AwsFault {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/**
 * What an error of an AWS call means for a person, once all its attempts failed. An answer that says no to
 * this very request (a precondition, a missing object) stays as it is, for the adapter knows what it means.
 */
export function awsError(thrown: unknown, call: string): unknown {
  if (thrown instanceof BasculeError) return thrown;
  const fault = thrown as AwsFault;
  const name = fault.name ?? '';
  const code = fault.code ?? '';
  const said = messageOf(thrown) || name;
  if (CREDENTIALS.test(name))
    return error(
      'BASCULE_AWS_CREDENTIALS',
      call,
      `the credentials are missing or expired: ${said}`,
      name === 'CredentialsProviderError'
        ? 'Give credentials as for any AWS tool, or renew them: `bascule doctor` shows what is found. For the sandbox: `eval "$(bascule sandbox env)"`.'
        : 'Renew the credentials.',
      thrown,
    );
  if (DENIED.test(name))
    return error(
      'BASCULE_AWS_DENIED',
      call,
      `the credentials do not allow it: ${said}`,
      `Allow ${call} to the role that runs Bascule.`,
      thrown,
    );
  if (isThrottling(thrown))
    return error(
      'BASCULE_AWS_THROTTLED',
      call,
      `the account’s rate limit was exceeded for longer than the retries last: ${said}`,
      'Try again when less else calls AWS.',
      thrown,
    );
  if (UNREACHABLE.test(code) || UNREACHABLE.test(name))
    return error(
      'BASCULE_AWS_UNREACHABLE',
      call,
      `AWS cannot be reached: ${said}`,
      'Check the network, AWS_REGION and AWS_ENDPOINT_URL.',
      thrown,
    );
  if ((fault.$metadata?.httpStatusCode ?? 0) >= 500 || name === UNREADABLE || isBusy(name))
    return error(
      'BASCULE_AWS_FAILED',
      call,
      `AWS failed: ${said}`,
      'Try again; look at the AWS health dashboard.',
      thrown,
    );
  return thrown;
}

function error(code: string, call: string, why: string, next: string, cause: unknown): BasculeError {
  return new BasculeError({
    code,
    message: `${call} failed: ${why}`,
    next,
    blame: 'world',
    // For a command that had not begun; a deployment under way is interrupted by it and ends with 5.
    exitCode: code === 'BASCULE_AWS_CREDENTIALS' || code === 'BASCULE_AWS_DENIED' ? 2 : 3,
    cause,
  });
}

/** Whether AWS refused a call because there were too many. */
export function isThrottling(thrown: unknown): boolean {
  return THROTTLED.test(awsErrorName(thrown)) || awsErrorStatus(thrown) === 429;
}

/** The name of an AWS error, for example NoSuchKey; empty for anything else. */
export function awsErrorName(thrown: unknown): string {
  return (thrown as AwsFault | undefined)?.name ?? '';
}

/** The HTTP status of an AWS error; 0 where there was none. */
export function awsErrorStatus(thrown: unknown): number {
  return (thrown as AwsFault | undefined)?.$metadata?.httpStatusCode ?? 0;
}
