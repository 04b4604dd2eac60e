import type { iam } from '@pulumi/aws';
import { nameAtCreation } from '../../model/naming';
import { awsType } from '../context';
import { ifFound } from '../errors';
import { ARN, as, STRING } from '../specs';

export const rolePolicy = awsType<iam.RolePolicyArgs, iam.RolePolicyState>({
  token: 'aws:iam/rolePolicy:RolePolicy',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 128 },
  inputs: {
    name: {
      type: 'string',
      replace: true,
      computed: true,
      maxLength: 128,
      pattern: [/^[\w+=,.@-]+$/, 'have only letters, digits and + = , . @ _ -'],
      conflictsWith: ['namePrefix'],
    },
    namePrefix: { type: 'string', replace: true, computed: true, maxLength: 102 },
    policy: { type: 'json', required: true },
    role: as(STRING, { required: true, replace: true }),
  },
  outputs: [],
  async create(inputs, context) {
    const name = nameAtCreation(inputs.name, inputs.namePrefix, 128);
    const RoleName = String(inputs.role);
    const PolicyDocument = String(inputs.policy);
    await (await context.iam()).putRolePolicy({ RoleName, PolicyName: name, PolicyDocument });
    return `${RoleName}:${name}`;
  },
  async read(id, context) {
    const [RoleName = '', PolicyName = ''] = id.split(':');
    const found = await ifFound((await context.iam()).getRolePolicy({ RoleName, PolicyName }));
    if (!found) return undefined;
    return {
      name: found.PolicyName,
      role: found.RoleName,
      policy: decodeURIComponent(found.PolicyDocument ?? ''),
    };
  },
  async update(id, update, context) {
    if (!update.changed('policy')) return;
    const [RoleName = '', PolicyName = ''] = id.split(':');
    const PolicyDocument = String(update.new.policy);
    await (await context.iam()).putRolePolicy({ RoleName, PolicyName, PolicyDocument });
  },
  async delete(id, _state, context) {
    const [RoleName = '', PolicyName = ''] = id.split(':');
    await ifFound((await context.iam()).deleteRolePolicy({ RoleName, PolicyName }));
  },
});

export const rolePolicyAttachment = awsType<iam.RolePolicyAttachmentArgs, iam.RolePolicyAttachmentState>({
  token: 'aws:iam/rolePolicyAttachment:RolePolicyAttachment',
  inputs: {
    policyArn: as(ARN, { required: true, replace: true }),
    role: as(STRING, { required: true, replace: true }),
  },
  outputs: [],
  async create(inputs, context) {
    const RoleName = String(inputs.role);
    await (await context.iam()).attachRolePolicy({ RoleName, PolicyArn: inputs.policyArn });
    return `${RoleName}/${inputs.policyArn}`;
  },
  async read(id, context) {
    const { role, policyArn } = partsOf(id);
    const client = await context.iam();
    const found = await ifFound(client.listAttachedRolePolicies({ RoleName: role }));
    const attached = (found?.AttachedPolicies ?? []).some((policy) => policy.PolicyArn === policyArn);
    return attached ? { role, policyArn } : undefined;
  },
  async delete(id, _state, context) {
    const { role, policyArn } = partsOf(id);
    await ifFound((await context.iam()).detachRolePolicy({ RoleName: role, PolicyArn: policyArn }));
  },
});

/** `<role>/<policy ARN>`; the ARN has slashes of its own. */
function partsOf(id: string): { role: string; policyArn: string } {
  const at = id.indexOf('/');
  return { role: id.slice(0, at), policyArn: id.slice(at + 1) };
}
