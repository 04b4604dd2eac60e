import { describe, expect, it } from 'vitest';
import { describeAccess } from '../../src/domain/config/access';
import { parseEnvironment, parseImage } from '../../src/domain/config';
import { environmentScope } from '../../src/domain/iam/scope';
import { environment, problemsIn } from '../support/config';

const ROLE = 'arn:aws:iam::222222222222:role/bascule-deploy';
const TOKEN = { kind: 'web-identity', roleArn: ROLE, tokenVariable: 'AWS_ID_TOKEN' };

function withAccess(access: unknown, account?: string) {
  return environment((input) => Object.assign(input, { access, ...(account ? { account } : {}) }));
}

function accessOf(access: unknown) {
  const parsed = parseEnvironment('production', withAccess(access));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config.access;
}

describe('the access of an environment', () => {
  it('is not there unless it is written', () => {
    expect(accessOf(undefined)).toBeUndefined();
  });

  it('has defaults for all but where to', () => {
    expect(accessOf({ roleArn: ROLE })).toEqual({
      credentials: { kind: 'ambient' },
      roleArn: ROLE,
      sessionName: 'bascule',
      sessionTags: {},
      durationSeconds: 3600,
    });
  });

  it('says in which account a policy is needed where nothing else does', () => {
    const parsed = parseEnvironment('production', withAccess({ roleArn: ROLE }));
    if (!parsed.ok) throw new Error('not valid');
    expect(environmentScope('production', parsed.config, { state: null }).account).toBe('222222222222');
  });

  it.each([
    [{ accessKeyId: 'AKIA', roleArn: ROLE }, 'access.accessKeyId'],
    [{ roleArn: 'arn:aws:iam::222222222222:user/somebody' }, 'access.roleArn'],
    [{ credentials: { kind: 'profile' } }, 'access.credentials.name'],
    [{ credentials: { ...TOKEN, tokenVariable: undefined } }, 'access.credentials'],
    [{ credentials: { ...TOKEN, tokenFile: '/token' } }, 'access.credentials'],
    [{ externalId: 'abc' }, 'access.externalId'],
    [{ credentials: TOKEN, sessionTags: { team: 'shop' } }, 'access.sessionTags'],
    [{ credentials: TOKEN, roleArn: ROLE, durationSeconds: 7200 }, 'access.durationSeconds'],
    [{ roleArn: ROLE, durationSeconds: 600 }, 'access.durationSeconds'],
    [{ backendUrl: 'bucket' }, 'access.backendUrl'],
  ])('is refused where it says %j', (access, where) => {
    expect(problemsIn('production', withAccess(access)).map((one) => one.where)).toEqual([where]);
  });

  it('is refused with a role of another account than the environment’s', () => {
    expect(problemsIn('production', withAccess({ roleArn: ROLE }, '333333333333'))).toEqual([
      {
        where: 'access.roleArn',
        message: "is a role of account 222222222222, and the environment's account is 333333333333",
      },
    ]);
    expect(problemsIn('production', withAccess({ roleArn: ROLE }, '222222222222'))).toEqual([]);
  });

  it('is checked for bakes too', () => {
    const image = { service: 'shop', bucket: 'acme-releases', regions: ['eu-west-3'] };
    expect(parseImage({ ...image, access: { roleArn: ROLE } })).toMatchObject({ ok: true });
    expect(parseImage({ ...image, access: { externalId: 'abc' } })).toMatchObject({
      ok: false,
      problems: [{ path: ['access', 'externalId'] }],
    });
  });

  it('is told in the order in which credentials are taken', () => {
    expect(describeAccess(undefined)).toBe('what the AWS SDK finds');
    expect(describeAccess(accessOf({ credentials: { kind: 'profile', name: 'work' }, roleArn: ROLE }))).toBe(
      `profile work, then ${ROLE}`,
    );
    expect(describeAccess(accessOf({ credentials: TOKEN }))).toBe(
      `a token of the variable AWS_ID_TOKEN for ${ROLE}`,
    );
  });
});
