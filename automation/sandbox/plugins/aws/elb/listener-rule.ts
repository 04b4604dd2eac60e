import type { lb } from '@pulumi/aws';
import { awsType, type AwsContext } from '../context';
import { codeOf, ifFound } from '../errors';
import { ARN, as, REGION, TAGS } from '../specs';
import { ACTION, checkActions, fromActions, toActions } from './actions';
import { elbTags, retagElb, tagsOfElb } from './common';
import { checkConditions, CONDITION, fromConditions, toConditions } from './conditions';

export const listenerRule = awsType<lb.ListenerRuleArgs, lb.ListenerRuleState>({
  token: 'aws:lb/listenerRule:ListenerRule',
  inputs: {
    listenerArn: as(ARN, { required: true, replace: true }),
    priority: { type: 'integer', min: 1, max: 50000, computed: true },
    actions: { type: 'list', required: true, minLength: 1, items: ACTION },
    conditions: { type: 'set', required: true, minLength: 1, items: CONDITION },
    region: REGION,
    tags: TAGS,
  },
  outputs: ['arn'],
  check: (inputs) => [...checkActions('actions', inputs.actions), ...checkConditions(inputs.conditions)],
  async create(inputs, context) {
    const call = {
      ListenerArn: inputs.listenerArn,
      Actions: toActions(inputs.actions),
      Conditions: toConditions(inputs.conditions),
      ...elbTags(context.tags),
    };
    const client = await context.elb();
    if (inputs.priority !== undefined) {
      return arnOf(await client.createRule({ ...call, Priority: inputs.priority }));
    }
    // Rules made at the same time may take the priority that was free a moment ago.
    return context.until(
      context.timeout || 60,
      async () => {
        try {
          return arnOf(
            await client.createRule({ ...call, Priority: await freePriority(inputs.listenerArn, context) }),
          );
        } catch (thrown) {
          if (codeOf(thrown) === 'PriorityInUse' || codeOf(thrown) === 'PriorityInUseException')
            return undefined;
          throw thrown;
        }
      },
      () => `no priority is free on ${inputs.listenerArn}`,
    );
  },
  async read(arn, context, known) {
    const found = await ifFound((await context.elb()).describeRules({ RuleArns: [arn] }));
    const facts = found?.Rules?.[0];
    if (!facts) return undefined;
    return {
      arn,
      listenerArn: arn.replace(':listener-rule/', ':listener/').replace(/\/[^/]+$/, ''),
      priority: Number(facts.Priority),
      actions: fromActions(facts.Actions, known.actions),
      conditions: fromConditions(facts.Conditions),
      region: context.region,
      tagsAll: await tagsOfElb(arn, context),
    };
  },
  async update(arn, { new: next, changed }, context) {
    const client = await context.elb();
    if (changed('priority') && next.priority !== undefined) {
      await client.setRulePriorities({ RulePriorities: [{ RuleArn: arn, Priority: next.priority }] });
    }
    if (!changed('actions', 'conditions')) return;
    await client.modifyRule({
      RuleArn: arn,
      // Sent only when the program changed them: the weights that are in force were set by others.
      ...(changed('actions') ? { Actions: toActions(next.actions) } : {}),
      ...(changed('conditions') ? { Conditions: toConditions(next.conditions) } : {}),
    });
  },
  retag: retagElb,
  async delete(arn, _state, context) {
    await ifFound((await context.elb()).deleteRule({ RuleArn: arn }));
  },
});

function arnOf(answer: { Rules?: { RuleArn?: string }[] }): string {
  return answer.Rules?.[0]?.RuleArn ?? '';
}

async function freePriority(listenerArn: string, context: AwsContext): Promise<number> {
  const client = await context.elb();
  let highest = 0;
  let Marker: string | undefined;
  do {
    const page = await client.describeRules({ ListenerArn: listenerArn, ...(Marker ? { Marker } : {}) });
    for (const { Priority } of page.Rules ?? [])
      if (Priority !== 'default') highest = Math.max(highest, Number(Priority));
    Marker = page.NextMarker;
  } while (Marker);
  return highest + 1;
}
