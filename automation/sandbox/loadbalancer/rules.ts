import { messageOf } from '../../../src/domain/errors';
import type { ListenerAction, ListenerState, RuleCondition, RuleState } from '../contract';
import { compileCondition, type Predicate, type RequestFacts } from './conditions';
import { WeightedChoice } from './weighted-choice';

export type RoutingAction =
  | { kind: 'forward'; choice: WeightedChoice; groupArns: string[]; stickySeconds: number | undefined }
  | { kind: 'redirect'; config: NonNullable<ListenerAction['RedirectConfig']> }
  | { kind: 'fixed-response'; config: NonNullable<ListenerAction['FixedResponseConfig']> }
  | { kind: 'none' };

export interface CompiledRule {
  arn: string;
  /** The rule as it was compiled; one that reads the same keeps its place in the weighted choice. */
  signature: string;
  conditions: Predicate[];
  action: RoutingAction;
}

/** The weighted target groups an action names; a single TargetGroupArn counts as weight 1. */
export function forwardedGroups(action: ListenerAction): { arn: string; weight: number }[] {
  const groups = action.ForwardConfig?.TargetGroups ?? [];
  if (groups.length > 0) {
    return groups.map((group) => ({ arn: group.TargetGroupArn, weight: group.Weight ?? 1 }));
  }
  return action.TargetGroupArn === undefined ? [] : [{ arn: action.TargetGroupArn, weight: 1 }];
}

/** Every target group that any rule of the listener names, whatever its weight. */
export function groupsNamedBy(listener: ListenerState): string[] {
  return listener.rules.flatMap((rule) =>
    rule.actions.flatMap((action) => forwardedGroups(action).map((group) => group.arn)),
  );
}

function compileAction(rule: RuleState, log: (line: string) => void): RoutingAction {
  for (const action of [...rule.actions].sort((a, b) => (a.Order ?? 0) - (b.Order ?? 0))) {
    if (action.Type === 'forward') {
      const groups = forwardedGroups(action);
      const stickiness = action.ForwardConfig?.TargetGroupStickinessConfig;
      return {
        kind: 'forward',
        choice: new WeightedChoice(groups),
        groupArns: groups.map((group) => group.arn),
        stickySeconds: stickiness?.Enabled === true ? (stickiness.DurationSeconds ?? 3600) : undefined,
      };
    }
    if (action.Type === 'redirect' && action.RedirectConfig) {
      return { kind: 'redirect', config: action.RedirectConfig };
    }
    if (action.Type === 'fixed-response' && action.FixedResponseConfig) {
      return { kind: 'fixed-response', config: action.FixedResponseConfig };
    }
    log(`load balancer: rule ${rule.arn} has the action ${action.Type}, which the sandbox skips`);
  }
  return { kind: 'none' };
}

/** One condition that makes no sense must not keep the other rules from being used: it never matches. */
function compileSafely(rule: RuleState, condition: RuleCondition, log: (line: string) => void): Predicate {
  const never = (why: string) => {
    log(`load balancer: the ${condition.Field} condition of rule ${rule.arn} never matches: ${why}`);
    return () => false;
  };
  try {
    return compileCondition(condition) ?? never('the sandbox does not know this field');
  } catch (error) {
    return never(messageOf(error));
  }
}

function orderOf(rule: RuleState): number {
  return rule.priority === 'default' ? Number.MAX_SAFE_INTEGER : Number(rule.priority);
}

/**
 * Compiles a listener's rules in the order they are tried, the default rule last.
 * @param former the rules compiled before: one that has not changed is taken over with its state
 */
export function compileRules(
  listener: ListenerState,
  former: readonly CompiledRule[],
  log: (line: string) => void,
): CompiledRule[] {
  const known = new Map(former.map((rule) => [rule.arn, rule]));
  return [...listener.rules]
    .sort((a, b) => orderOf(a) - orderOf(b))
    .map((rule) => {
      const signature = JSON.stringify(rule);
      const before = known.get(rule.arn);
      if (before?.signature === signature) return before;
      const conditions = rule.conditions.map((condition) => compileSafely(rule, condition, log));
      return { arn: rule.arn, signature, conditions, action: compileAction(rule, log) };
    });
}

/** The action of the first rule all of whose conditions match. */
export function matchRule(rules: readonly CompiledRule[], facts: RequestFacts): RoutingAction {
  for (const rule of rules) {
    if (rule.conditions.every((condition) => condition(facts))) return rule.action;
  }
  return { kind: 'none' };
}
