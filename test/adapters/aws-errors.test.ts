import { describe, expect, it } from 'vitest';
import { awsError } from '../../src/adapters/aws-errors';
import { BasculeError } from '../../src/domain/errors';

function fault(facts: object): Error {
  return Object.assign(new Error('what AWS said'), facts);
}

describe('awsError', () => {
  it.each([
    [{ name: 'ExpiredToken' }, 'BASCULE_AWS_CREDENTIALS'],
    [{ name: 'CredentialsProviderError' }, 'BASCULE_AWS_CREDENTIALS'],
    [{ name: 'UnauthorizedOperation' }, 'BASCULE_AWS_DENIED'],
    [{ name: 'AccessDenied' }, 'BASCULE_AWS_DENIED'],
    [{ name: 'Throttling' }, 'BASCULE_AWS_THROTTLED'],
    [{ name: 'Error', code: 'ECONNREFUSED' }, 'BASCULE_AWS_UNREACHABLE'],
    [{ name: 'TimeoutError' }, 'BASCULE_AWS_UNREACHABLE'],
    [{ name: 'InternalFailure', $metadata: { httpStatusCode: 500 } }, 'BASCULE_AWS_FAILED'],
  ])('tells a person what %o means', (facts, code) => {
    const error = awsError(fault(facts), 'elbv2:ModifyRule');
    expect(error).toBeInstanceOf(BasculeError);
    expect(error).toMatchObject({ code, message: expect.stringContaining('elbv2:ModifyRule') });
    expect((error as BasculeError).next).not.toBe('');
  });

  it('says where credentials come from when there are none', () => {
    const none = awsError(fault({ name: 'CredentialsProviderError' }), 's3:HeadBucket');
    expect((none as BasculeError).next).toMatch(/bascule doctor.*bascule sandbox env/);
  });

  it('leaves answers to this very request to the adapter that asked', () => {
    const refused = fault({ name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } });
    expect(awsError(refused, 's3:PutObject')).toBe(refused);
  });
});
