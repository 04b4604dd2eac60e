import type { iam } from '@pulumi/aws';
import { nameAtCreation } from '../../model/naming';
import { fromTagList, toTagList, type Tags } from '../../model/tags';
import { awsType, type AwsContext } from '../context';
import { ifFound, unlessInUse } from '../errors';
import { ARN, as, FLAG, given, STRING, TAGS } from '../specs';
import type { InputSpec } from '../../model/schema';

const NAME_PATTERN = [/^[\w+=,.@-]+$/, 'have only letters, digits and + = , . @ _ -'] as const;
const PATH: InputSpec = {
  type: 'string',
  default: '/',
  replace: true,
  pattern: [/^\/([\x21-\x7e]*\/)?$/, "begin and end with '/'"],
};

function nameSpec(maxLength: number): InputSpec {
  return {
    type: 'string',
    replace: true,
    computed: true,
    maxLength,
    pattern: NAME_PATTERN,
    conflictsWith: ['namePrefix'],
  };
}

function prefixSpec(maxLength: number): InputSpec {
  return { type: 'string', replace: true, computed: true, maxLength, pattern: NAME_PATTERN };
}

export const role = awsType<iam.RoleArgs, iam.RoleState>({
  token: 'aws:iam/role:Role',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 64 },
  inputs: {
    name: nameSpec(64),
    namePrefix: prefixSpec(38),
    assumeRolePolicy: { type: 'json', required: true },
    description: as(STRING, { maxLength: 1000 }),
    path: PATH,
    maxSessionDuration: { type: 'integer', min: 3600, max: 43200, default: 3600 },
    permissionsBoundary: ARN,
    managedPolicyArns: { type: 'set', items: ARN, computed: true },
    forceDetachPolicies: as(FLAG, { default: false }),
    tags: TAGS,
  },
  outputs: ['arn', 'createDate', 'uniqueId'],
  async create(inputs, context) {
    const client = await context.iam();
    const name = nameAtCreation(inputs.name, inputs.namePrefix, 64);
    await client.createRole({
      RoleName: name,
      AssumeRolePolicyDocument: String(inputs.assumeRolePolicy),
      ...given({
        Description: inputs.description,
        Path: inputs.path,
        MaxSessionDuration: inputs.maxSessionDuration,
        PermissionsBoundary: inputs.permissionsBoundary,
      }),
      ...iamTags(context.tags),
    });
    context.created(name);
    for (const PolicyArn of inputs.managedPolicyArns ?? []) {
      await client.attachRolePolicy({ RoleName: name, PolicyArn });
    }
    return name;
  },
  async read(name, context) {
    const client = await context.iam();
    const found = await ifFound(client.getRole({ RoleName: name }));
    const facts = found?.Role;
    if (!facts) return undefined;
    const { AttachedPolicies } = await client.listAttachedRolePolicies({ RoleName: name });
    return {
      arn: facts.Arn,
      name: facts.RoleName,
      assumeRolePolicy: decodeURIComponent(facts.AssumeRolePolicyDocument ?? ''),
      description: facts.Description ?? '',
      path: facts.Path,
      maxSessionDuration: facts.MaxSessionDuration,
      ...given({ permissionsBoundary: facts.PermissionsBoundary?.PermissionsBoundaryArn }),
      managedPolicyArns: (AttachedPolicies ?? []).map((attached) => attached.PolicyArn ?? ''),
      createDate: facts.CreateDate?.toISOString(),
      uniqueId: facts.RoleId,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  async update(name, { old, new: next, changed }, context) {
    const client = await context.iam();
    if (changed('assumeRolePolicy')) {
      await client.updateAssumeRolePolicy({ RoleName: name, PolicyDocument: String(next.assumeRolePolicy) });
    }
    if (changed('description', 'maxSessionDuration')) {
      const settings = { Description: next.description ?? '', MaxSessionDuration: next.maxSessionDuration };
      await client.updateRole({ RoleName: name, ...settings });
    }
    if (changed('permissionsBoundary')) await setBoundary(name, next.permissionsBoundary, context);
    if (changed('managedPolicyArns'))
      await attach(name, old.managedPolicyArns ?? [], next.managedPolicyArns ?? [], context);
  },
  async retag(name, change, context) {
    const client = await context.iam();
    if (change.remove.length > 0) await client.untagRole({ RoleName: name, TagKeys: change.remove });
    if (Object.keys(change.set).length > 0)
      await client.tagRole({ RoleName: name, Tags: toTagList(change.set) });
  },
  async delete(name, state, context) {
    const client = await context.iam();
    if (state.forceDetachPolicies) await stripRole(name, context);
    else await attach(name, state.managedPolicyArns ?? [], [], context);
    // Its policies and profiles are let go at the same time.
    await context.until(
      context.timeout || 120,
      () =>
        unlessInUse(['DeleteConflict', 'DeleteConflictException'], () =>
          client.deleteRole({ RoleName: name }),
        ),
      () => `${name} still has policies or is in an instance profile (DeleteConflict)`,
    );
  },
});

async function setBoundary(
  RoleName: string,
  boundary: string | undefined,
  context: AwsContext,
): Promise<void> {
  const client = await context.iam();
  if (boundary === undefined) await client.deleteRolePermissionsBoundary({ RoleName });
  else await client.putRolePermissionsBoundary({ RoleName, PermissionsBoundary: boundary });
}

async function attach(
  RoleName: string,
  before: string[],
  after: string[],
  context: AwsContext,
): Promise<void> {
  const client = await context.iam();
  for (const PolicyArn of before.filter((arn) => !after.includes(arn))) {
    await ifFound(client.detachRolePolicy({ RoleName, PolicyArn }));
  }
  for (const PolicyArn of after.filter((arn) => !before.includes(arn))) {
    await client.attachRolePolicy({ RoleName, PolicyArn });
  }
}

async function stripRole(RoleName: string, context: AwsContext): Promise<void> {
  const client = await context.iam();
  const attached = await ifFound(client.listAttachedRolePolicies({ RoleName }));
  const arns = (attached?.AttachedPolicies ?? []).map((policy) => policy.PolicyArn ?? '');
  await attach(RoleName, arns, [], context);
  const inline = await ifFound(client.listRolePolicies({ RoleName }));
  for (const PolicyName of inline?.PolicyNames ?? []) await client.deleteRolePolicy({ RoleName, PolicyName });
}

export const instanceProfile = awsType<iam.InstanceProfileArgs, iam.InstanceProfileState>({
  token: 'aws:iam/instanceProfile:InstanceProfile',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 128 },
  inputs: { name: nameSpec(128), namePrefix: prefixSpec(102), path: PATH, role: STRING, tags: TAGS },
  outputs: ['arn', 'createDate', 'uniqueId'],
  async create(inputs, context) {
    const client = await context.iam();
    const name = nameAtCreation(inputs.name, inputs.namePrefix, 128);
    await client.createInstanceProfile({
      InstanceProfileName: name,
      ...given({ Path: inputs.path }),
      ...iamTags(context.tags),
    });
    context.created(name);
    await setRole(name, undefined, nameOf(inputs.role), context);
    return name;
  },
  async read(name, context) {
    const found = await ifFound((await context.iam()).getInstanceProfile({ InstanceProfileName: name }));
    const facts = found?.InstanceProfile;
    if (!facts) return undefined;
    return {
      arn: facts.Arn,
      name: facts.InstanceProfileName,
      path: facts.Path,
      role: facts.Roles?.[0]?.RoleName ?? '',
      createDate: facts.CreateDate?.toISOString(),
      uniqueId: facts.InstanceProfileId,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  async update(name, update, context) {
    if (update.changed('role'))
      await setRole(name, nameOf(update.old.role), nameOf(update.new.role), context);
  },
  async retag(name, change, context) {
    const client = await context.iam();
    const InstanceProfileName = name;
    if (change.remove.length > 0)
      await client.untagInstanceProfile({ InstanceProfileName, TagKeys: change.remove });
    if (Object.keys(change.set).length > 0) {
      await client.tagInstanceProfile({ InstanceProfileName, Tags: toTagList(change.set) });
    }
  },
  async delete(name, state, context) {
    await setRole(name, nameOf(state.role), undefined, context);
    await ifFound((await context.iam()).deleteInstanceProfile({ InstanceProfileName: name }));
  },
});

/** The SDK's types allow a role resource where the engine has already put its name. */
function nameOf(given: unknown): string | undefined {
  return typeof given === 'string' && given !== '' ? given : undefined;
}

async function setRole(
  InstanceProfileName: string,
  before: string | undefined,
  after: string | undefined,
  context: AwsContext,
): Promise<void> {
  const client = await context.iam();
  if (before) await ifFound(client.removeRoleFromInstanceProfile({ InstanceProfileName, RoleName: before }));
  if (after) await client.addRoleToInstanceProfile({ InstanceProfileName, RoleName: after });
}

function iamTags(tags: Tags): { Tags?: { Key: string; Value: string }[] } {
  return Object.keys(tags).length > 0 ? { Tags: toTagList(tags) } : {};
}
