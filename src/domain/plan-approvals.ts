import type { Plan } from './records';
import type { ApprovalRule, Step } from './step';

/** The steps that wait for people's consent before a part of a deployment; in its first region alone. */
export function approvalSteps(
  before: ApprovalRule['before'],
  {
    regions,
    policy,
  }: { regions: readonly { region: string }[]; policy: { approvals?: readonly ApprovalRule[] } },
): Step[] {
  const [first] = regions;
  if (first === undefined) return [];
  const { region } = first;
  const due = (policy.approvals ?? []).filter((rule) => rule.before === before);
  return due.map((rule) => ({ kind: 'approve', id: `approve:${region}:${rule.name}`, region, ...rule }));
}

/** What a plan was made to need, whatever the configuration has become since. */
export function approvalsOfPlan({ steps }: Plan): ApprovalRule[] {
  return steps.flatMap((step) => {
    if (step.kind !== 'approve') return [];
    const { kind: _, id: __, region: ___, ...rule } = step;
    return [rule];
  });
}
