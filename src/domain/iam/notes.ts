import { POLICY_SIZES, policySize, type PolicyDocument } from './document';
import type { PolicyRequest } from './policy';
import type { EnvironmentScope } from './scope';

/** What whoever uses a policy has to know beside what stands in it. */
export function notesOn(document: PolicyDocument, request: PolicyRequest): string[] {
  const { scope } = request;
  const size = policySize(document);
  const assumedRole =
    request.use === 'bake' || request.use === 'prune' || !request.scope.role.assumed
      ? null
      : request.scope.role.name;
  return [
    ...(request.use === 'approve' ? approvalNotes(request.scope) : []),
    ...(scope.state === null && request.use !== 'approve'
      ? [
          'Pulumi’s state is not in S3 as far as can be seen (PULUMI_BACKEND_URL, backend.url in Pulumi.yaml, the login): the policy says nothing of it.',
        ]
      : []),
    ...(scope.account === '*'
      ? ['No account is known, so the policy fits in any: name yours with --account.']
      : []),
    ...(assumedRole === null || request.use === 'preview' || request.use === 'approve'
      ? []
      : [
          `The role of the instance profile is taken to be called ${assumedRole} like the profile: if it is not, name it with --role.`,
        ]),
    ...(size > POLICY_SIZES.managed
      ? [
          `The policy has ${size} characters and a managed policy takes ${POLICY_SIZES.managed}: put it into the role itself, whose policies may have ${POLICY_SIZES.inlineOfRole} together.`,
        ]
      : []),
  ];
}

function approvalNotes({ environment, approvals }: EnvironmentScope): string[] {
  if (approvals.length === 0) return [`${environment} has no \`approvals\`: nothing waits for these rights.`];
  return [
    `What keeps everybody else from approving is the bucket's policy: \`bascule iam ${environment} --for approve --bucket-policy\`.`,
  ];
}
