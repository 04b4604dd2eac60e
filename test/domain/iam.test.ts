import { describe, expect, it } from 'vitest';
import { parseEnvironment, parseImage } from '../../src/domain/config';
import { approvalsBucketPolicy } from '../../src/domain/iam/approvals';
import { POLICY_SIZES, policySize, type PolicyDocument } from '../../src/domain/iam/document';
import { notesOn } from '../../src/domain/iam/notes';
import { policyFor, USES, type PolicyRequest, type Use } from '../../src/domain/iam/policy';
import { environmentScope, imageScope } from '../../src/domain/iam/scope';
import { statePlaceOf } from '../../src/domain/iam/state';
import { recognise } from '../support/aws-proxy-calls';
import { environment, type Edit } from '../support/config';
import { allows } from '../support/iam-evaluation';
import { permissionsOf, type Permission } from '../support/iam-permissions';

const ACCOUNT = '123456789012';
const STATE = { bucket: 'acme-state', prefix: 'team/' };

function requestFor(use: Use, edit?: Edit, given: { account?: string; role?: string } = {}): PolicyRequest {
  if (use === 'bake' || use === 'prune') {
    const image = parseImage({ service: 'shop', bucket: 'acme-releases', regions: ['eu-west-3'] });
    if (!image.ok) throw new Error(JSON.stringify(image.problems));
    return { use, scope: imageScope(image.config, { state: STATE, account: ACCOUNT, ...given }) };
  }
  const parsed = parseEnvironment('production', environment(edit));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const known = { state: STATE, account: ACCOUNT, ...given };
  return { use, scope: environmentScope('production', parsed.config, known) };
}

function policy(use: Use, edit?: Edit): PolicyDocument {
  return policyFor(requestFor(use, edit));
}

const actionsOf = ({ Statement }: PolicyDocument): string[] => Statement.flatMap(({ Action }) => Action);

function asked(action: string, resource: string, context: Record<string, string> = {}): Permission {
  return { action, resource, context };
}

const group = (name: string): string =>
  `arn:aws:autoscaling:eu-west-3:${ACCOUNT}:autoScalingGroup:1-2:autoScalingGroupName/${name}`;
const rule = (balancer: string): string =>
  `arn:aws:elasticloadbalancing:eu-west-3:${ACCOUNT}:listener-rule/app/${balancer}/1/2/3`;
const template = `arn:aws:ec2:eu-west-3:${ACCOUNT}:launch-template/lt-0123456789abcdef0`;
const taggedAs = (service: string, name: string) => ({
  'aws:ResourceTag/service': service,
  'aws:ResourceTag/environment': name,
});

describe('the bundles of a release', () => {
  const bundle = (bucket: string, service = 'shop') =>
    `arn:aws:s3:::${bucket}/releases/${service}/1/x.tar.gz`;
  const edit: Edit = (input) => (input.fleet['releaseBuckets'] = ['acme-frankfurt']);

  it.each(['preview', 'deploy'] as const)(
    'may be compared in every bucket, and not changed, by %s',
    (use) => {
      for (const bucket of ['acme-releases', 'acme-frankfurt']) {
        expect(allows(policy(use, edit), asked('s3:GetObject', bundle(bucket)))).toBe(true);
        expect(allows(policy(use, edit), asked('s3:PutObject', bundle(bucket)))).toBe(false);
      }
      expect(allows(policy(use, edit), asked('s3:GetObject', bundle('acme-releases', 'cart')))).toBe(false);
      expect(allows(policy(use), asked('s3:GetObject', bundle('acme-frankfurt')))).toBe(false);
    },
  );
});

describe('every policy', () => {
  it.each(USES)('for %s is what IAM takes: its version, a reason for each statement, each once', (use) => {
    const { Version, Statement } = policy(use);
    expect(Version).toBe('2012-10-17');
    const sids = Statement.map(({ Sid }) => Sid);
    expect(new Set(sids).size).toBe(sids.length);
    for (const { Sid, Effect, Action, Resource } of Statement) {
      expect(Sid).toMatch(/^[A-Za-z0-9]{8,}$/);
      expect(Effect).toBe('Allow');
      expect(
        Action.every((action) => /^[a-z0-9]+:[A-Z][A-Za-z]+$/.test(action)),
        Sid,
      ).toBe(true);
      expect(Action, Sid).toEqual([...new Set(Action)].sort());
      expect(
        Resource.every((one) => one === '*' || /^arn:aws:[a-z0-9]+:/.test(one)),
        Sid,
      ).toBe(true);
      expect(Resource.length, Sid).toBeGreaterThan(0);
    }
  });

  it.each(USES)('for %s allows everywhere only what reads', (use) => {
    for (const { Action, Resource } of policy(use).Statement)
      if (Resource.includes('*'))
        expect(Action.filter((action) => !/:(Describe|Get|List)/.test(action))).toEqual([]);
  });

  it.each(['preview', 'deploy', 'approve', 'bake', 'prune'] as const)(
    'for %s is no longer than a managed policy may be',
    (use) => {
      expect(policySize(policy(use))).toBeLessThanOrEqual(POLICY_SIZES.managed);
    },
  );

  it('for up fits into a role, with a network to make', () => {
    const made = policy('up', (input) => (input['network'] = { kind: 'new' }));
    expect(policySize(made)).toBeLessThanOrEqual(POLICY_SIZES.inlineOfRole);
  });
});

describe('the policy for preview', () => {
  it('has nothing in it that writes, and no right to launch', () => {
    expect(actionsOf(policy('preview')).filter((action) => !/:(Describe|Get|List)/.test(action))).toEqual([]);
  });
});

describe('the policy for deploy', () => {
  const deploy = policy('deploy');

  it.each([
    ['the fleet', asked('autoscaling:UpdateAutoScalingGroup', group('shop-production-blue')), true],
    [
      'the fleet of another environment',
      asked('autoscaling:UpdateAutoScalingGroup', group('shop-staging-blue')),
      false,
    ],
    [
      'a fleet whose name begins alike',
      asked('autoscaling:UpdateAutoScalingGroup', group('shop-production-blue-2')),
      false,
    ],
    ['a rule', asked('elasticloadbalancing:ModifyRule', rule('shop-production')), true],
    [
      'a rule of another load balancer',
      asked('elasticloadbalancing:ModifyRule', rule('shop-production-2')),
      false,
    ],
    ['the deletion of a rule', asked('elasticloadbalancing:DeleteRule', rule('shop-production')), false],
    [
      'the journal',
      asked('s3:PutObject', 'arn:aws:s3:::acme-releases/environments/production/lease.json'),
      true,
    ],
    [
      'another environment’s journal',
      asked('s3:PutObject', 'arn:aws:s3:::acme-releases/environments/production-eu/lease.json'),
      false,
    ],
    ['releases', asked('s3:PutObject', 'arn:aws:s3:::acme-releases/releases/shop/1.0.0/x.tar.gz'), false],
    [
      'removal of the journal',
      asked('s3:DeleteObject', 'arn:aws:s3:::acme-releases/environments/production/lease.json'),
      false,
    ],
    [
      'the fleet’s state',
      asked(
        's3:PutObject',
        'arn:aws:s3:::acme-state/team/.pulumi/stacks/bascule/production.eu-west-3.blue.json',
      ),
      true,
    ],
    [
      'another environment’s state',
      asked('s3:PutObject', 'arn:aws:s3:::acme-state/team/.pulumi/stacks/bascule/production-eu.json'),
      false,
    ],
    [
      'its launch template',
      asked('ec2:CreateLaunchTemplateVersion', template, taggedAs('shop', 'production')),
      true,
    ],
    ['a template without tags', asked('ec2:CreateLaunchTemplateVersion', template), false],
    [
      'another service’s template',
      asked('ec2:CreateLaunchTemplateVersion', template, taggedAs('cart', 'production')),
      false,
    ],
  ])('concerns %s: %j', (_, permission, allowed) => {
    expect(allows(deploy, permission)).toBe(allowed);
  });

  it('passes the instances’ role to EC2, and to nobody else', () => {
    const to = (service: string, role = 'shop-production-instances') =>
      asked('iam:PassRole', `arn:aws:iam::${ACCOUNT}:role/${role}`, { 'iam:PassedToService': service });
    expect(allows(deploy, to('ec2.amazonaws.com'))).toBe(true);
    expect(allows(deploy, to('lambda.amazonaws.com'))).toBe(false);
    expect(allows(deploy, to('ec2.amazonaws.com', 'admin'))).toBe(false);
  });

  it('launches what is tagged as the environment’s from images of the service', () => {
    const image = (tags: Record<string, string>) =>
      asked('ec2:RunInstances', 'arn:aws:ec2:eu-west-3::image/ami-0123456789abcdef0', tags);
    expect(allows(deploy, image({ 'aws:ResourceTag/service': 'shop' }))).toBe(true);
    expect(allows(deploy, image({}))).toBe(false);
    const instance = `arn:aws:ec2:eu-west-3:${ACCOUNT}:instance/new`;
    expect(allows(deploy, asked('ec2:RunInstances', instance))).toBe(false);
  });

  it('takes images of other accounts by their owner, whose tags only that one sees', () => {
    const { Statement } = policy(
      'deploy',
      (input) => (input.fleet['imageOwners'] = ['self', '210987654321']),
    );
    const images = Statement.find(({ Resource }) => Resource.some((one) => one.includes(':image/')));
    expect(images?.Condition).toEqual({ StringLike: { 'ec2:Owner': [ACCOUNT, '210987654321'] } });
  });
});

describe('the policy for a deployment that runs commands on instances', () => {
  const hook = (on: string): Edit => {
    const migrate = { contract: { command: ['npm', 'run', 'migrate'], on } };
    return (input) => Object.assign(input, { regions: ['eu-west-3', 'eu-west-1'], deployment: { migrate } });
  };
  const deploy = policy('deploy', hook('instance'));
  const document = (region: string, name = 'AWS-RunShellScript') =>
    asked('ssm:SendCommand', `arn:aws:ssm:${region}::document/${name}`);
  const instance = (region: string, tags: Record<string, string>) =>
    asked('ssm:SendCommand', `arn:aws:ec2:${region}:${ACCOUNT}:instance/i-0123456789abcdef0`, tags);
  const tagsOf = (service: string, name: string) => ({
    'ssm:resourceTag/service': service,
    'ssm:resourceTag/environment': name,
  });

  it.each([
    ['AWS’s own document', document('eu-west-3'), true],
    ['another document of AWS’s', document('eu-west-3', 'AWS-RunPowerShellScript'), false],
    ['an instance', instance('eu-west-3', tagsOf('shop', 'production')), true],
    ['an instance of another environment', instance('eu-west-3', tagsOf('shop', 'staging')), false],
    ['an instance of nobody’s', instance('eu-west-3', {}), false],
    ['a region in which no hook runs', instance('eu-west-1', tagsOf('shop', 'production')), false],
    ['the end of a command', asked('ssm:GetCommandInvocation', '*'), true],
    ['a command’s cancellation', asked('ssm:CancelCommand', '*'), false],
  ])('concerns %s: %j', (_, permission, allowed) => {
    expect(allows(deploy, permission)).toBe(allowed);
  });

  it('has nothing of it where hooks run elsewhere, or there are none', () => {
    const ssm = (edit?: Edit) => actionsOf(policy('deploy', edit)).filter((one) => one.startsWith('ssm:'));
    expect(ssm(hook('instance'))).not.toEqual([]);
    expect(ssm(hook('local'))).toEqual([]);
    expect(ssm()).toEqual([]);
  });
});

describe('approvals', () => {
  const lead = 'arn:aws:iam::123456789012:role/leads';
  const operations = 'arn:aws:iam::210987654321:user/*';
  const needing: Edit = (input) =>
    (input['approvals'] = [
      { name: 'lead', approvers: [lead] },
      { name: 'operations', before: 'retire', approvers: [lead, operations] },
    ]);
  const approvals = 'arn:aws:s3:::acme-releases/environments/production/approvals/';

  it('are written under the own name alone, and nothing else is', () => {
    const approve = policy('approve', needing);
    const writing = approve.Statement.filter(({ Action }) => Action.some((one) => one.startsWith('s3:Put')));
    expect(writing.map(({ Resource }) => Resource)).toEqual([[`${approvals}*/\${aws:userid}.json`]]);
  });

  it('are read with whose they are by a deployment, where there are any', () => {
    expect(actionsOf(policy('deploy', needing))).toContain('s3:GetObjectTagging');
    expect(actionsOf(policy('deploy'))).not.toContain('s3:GetObjectTagging');
  });

  it('are refused by the bucket to all but approvers, in others’ names, and to whoever takes them away', () => {
    const { use, scope } = requestFor('approve', needing);
    if (use !== 'approve') throw new Error('not an environment’s');
    const { Statement } = approvalsBucketPolicy(scope);
    expect(Statement.every(({ Effect, Principal }) => Effect === 'Deny' && Principal === '*')).toBe(true);
    expect(Statement.every(({ Resource }) => Resource.every((one) => one.startsWith(approvals)))).toBe(true);
    expect(Statement.map(({ Sid, Condition }) => [Sid, Condition])).toEqual([
      ['OnlyApproversApprove', { ArnNotLike: { 'aws:PrincipalArn': [lead, operations] } }],
      ['OnlyItsApproversApprove1', { ArnNotLike: { 'aws:PrincipalArn': [lead] } }],
      ['EachInTheirOwnName', { StringNotEquals: { 's3:RequestObjectTag/approver': '${aws:userid}' } }],
      ['NobodyTakesApprovalsAway', undefined],
    ]);
    expect(Statement[1]?.Resource).toEqual([`${approvals}*/lead/*`]);
  });
});

describe('the policy for bake', () => {
  const bake = policy('bake');
  const image = 'arn:aws:ec2:eu-west-3::image/ami-0123456789abcdef0';
  const tags = { 'aws:RequestTag/service': 'shop' };

  it('tags images that have no service yet, and its own, but no other service’s', () => {
    expect(allows(bake, asked('ec2:CreateTags', image, tags))).toBe(true);
    expect(allows(bake, asked('ec2:CreateTags', image, { ...tags, 'aws:ResourceTag/service': 'shop' }))).toBe(
      true,
    );
    expect(allows(bake, asked('ec2:CreateTags', image, { ...tags, 'aws:ResourceTag/service': 'cart' }))).toBe(
      false,
    );
  });

  it('writes releases of the service alone', () => {
    expect(allows(bake, asked('s3:PutObject', 'arn:aws:s3:::acme-releases/releases/shop/1/x'))).toBe(true);
    expect(allows(bake, asked('s3:PutObject', 'arn:aws:s3:::acme-releases/releases/cart/1/x'))).toBe(false);
  });
});

describe('the policy for up', () => {
  it('makes a role or a network only where the configuration says so', () => {
    const plain = actionsOf(policy('up'));
    expect(plain).toContain('iam:CreateRole');
    expect(plain).not.toContain('ec2:CreateVpc');
    const other = actionsOf(
      policy('up', (input) => {
        input['network'] = { kind: 'new' };
        input.fleet['instanceProfile'] = 'given';
      }),
    );
    expect(other).toContain('ec2:CreateVpc');
    expect(other).not.toContain('iam:CreateRole');
  });
});

describe('what a policy is limited to', () => {
  it('is every region, in the words of its partition', () => {
    const { Statement } = policy('deploy', (input) => (input.regions = ['cn-north-1', 'cn-northwest-1']));
    const groups = Statement.find(({ Action }) => Action.includes('autoscaling:UpdateAutoScalingGroup'));
    expect(groups?.Resource).toHaveLength(4);
    expect(groups?.Resource[0]).toMatch(/^arn:aws-cn:autoscaling:cn-north-1:/);
    const pass = Statement.find(({ Action }) => Action.includes('iam:PassRole'));
    expect(pass?.Condition).toEqual({ StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com.cn' } });
  });

  it('is the account of the configuration, the one given before it, and else any', () => {
    const accountIn = (edit?: Edit, given = {}) => requestFor('deploy', edit, given).scope.account;
    expect(accountIn((input) => (input['account'] = '210987654321'))).toBe(ACCOUNT);
    const parsed = parseEnvironment(
      'production',
      environment((input) => (input['account'] = '210987654321')),
    );
    if (!parsed.ok) throw new Error('the sample is wrong');
    expect(environmentScope('production', parsed.config, { state: null }).account).toBe('210987654321');
    const unknown = parseEnvironment('production', environment());
    if (!unknown.ok) throw new Error('the sample is wrong');
    expect(environmentScope('production', unknown.config, { state: null }).account).toBe('*');
  });

  it('is the folder of the bucket that Pulumi’s backend names', () => {
    expect(statePlaceOf('s3://acme-state')).toEqual({ bucket: 'acme-state', prefix: '' });
    expect(statePlaceOf('s3://acme-state/team?region=eu-west-3')).toEqual(STATE);
    expect(statePlaceOf('https://api.pulumi.com')).toBeNull();
    expect(statePlaceOf(undefined)).toBeNull();
  });
});

describe('the notes beside a policy', () => {
  const notes = (request: PolicyRequest): string => notesOn(policyFor(request), request).join('\n');

  it('are none where all is known', () => {
    expect(notes(requestFor('deploy'))).toBe('');
  });

  it('tell of a role whose name was only concluded, until it is given', () => {
    const profiled: Edit = (input) => (input.fleet['instanceProfile'] = 'given');
    expect(notes(requestFor('deploy', profiled))).toContain('taken to be called given');
    expect(notes(requestFor('preview', profiled))).toBe('');
    expect(notes(requestFor('deploy', profiled, { role: 'web' }))).toBe('');
  });

  it('tell when it is too long to be a managed policy', () => {
    const many: Edit = (input) =>
      (input.regions = ['eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-north-1', 'us-east-1', 'us-west-2']);
    expect(notes(requestFor('deploy', many))).toContain('a managed policy takes 6144');
  });
});

describe('what IAM asks for a call', () => {
  const place = { region: 'eu-west-3', account: ACCOUNT, role: 'shop-production-instances', tags: new Map() };
  const signed = (service: string) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=K/20260101/eu-west-3/${service}/aws4_request`,
  });
  const of = (service: string, method: string, path: string, body = '') =>
    permissionsOf(recognise(0, { method, path, headers: signed(service), body }), place);

  it.each([
    ['HEAD', '/acme/releases/x', 's3:GetObject', 'arn:aws:s3:::acme/releases/x'],
    ['GET', '/acme?list-type=2&prefix=x', 's3:ListBucket', 'arn:aws:s3:::acme'],
    ['HEAD', '/acme', 's3:ListBucket', 'arn:aws:s3:::acme'],
    ['DELETE', '/acme/.pulumi/locks/x', 's3:DeleteObject', 'arn:aws:s3:::acme/.pulumi/locks/x'],
  ])('%s %s of S3 is %s', (method, path, action, resource) => {
    expect(of('s3', method, path)).toEqual([{ action, resource, context: {} }]);
  });

  it('is asked under the service’s name in IAM, of each rule', () => {
    const body = `Action=SetRulePriorities&RulePriorities.member.1.RuleArn=${rule('shop')}`;
    expect(of('elasticloadbalancing', 'POST', '/', body)).toEqual([
      asked('elasticloadbalancing:SetRulePriorities', rule('shop')),
    ]);
  });

  it('is the right to tag as well, for what is tagged when it is made', () => {
    const body =
      'Action=CreateVpc&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=service&TagSpecification.1.Tag.1.Value=shop';
    const vpc = `arn:aws:ec2:eu-west-3:${ACCOUNT}:vpc/new`;
    const tags = { 'aws:RequestTag/service': 'shop' };
    expect(of('ec2', 'POST', '/', body)).toEqual([
      asked('ec2:CreateVpc', vpc, tags),
      asked('ec2:CreateTags', vpc, { ...tags, 'ec2:CreateAction': 'CreateVpc' }),
    ]);
  });

  it('is the right to launch, and to pass the role, even for a launch that is only tried', () => {
    const trial = recognise(0, {
      method: 'POST',
      path: '/',
      headers: signed('ec2'),
      body: 'Action=RunInstances&DryRun=true&ImageId=ami-0123456789abcdef0&LaunchTemplate.Version=1',
    });
    expect(trial.write).toBe(false);
    expect(permissionsOf(trial, place).map(({ action }) => action)).toEqual([
      ...['ec2:RunInstances', 'ec2:RunInstances', 'ec2:RunInstances', 'ec2:RunInstances'],
      'iam:PassRole',
    ]);
    const real = recognise(0, {
      ...{ method: 'POST', path: '/' },
      headers: signed('ec2'),
      body: 'Action=RunInstances',
    });
    expect(real.write).toBe(true);
  });
});
