import {
  DescribeListenersCommand,
  DescribeRulesCommand,
  ModifyListenerCommand,
  ModifyRuleCommand,
  type Action,
  type ElasticLoadBalancingV2Client,
  type Rule,
  type RuleCondition,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { COLOURS, type Colour } from '../domain/colour';
import { BasculeError } from '../domain/errors';
import { allTo, type Route, type Weights } from '../domain/traffic';
import type { RouteChange, Traffic } from '../ports';

/**
 * Writes sent side by side. elbv2 gives mutating calls a smaller bucket than reads; the SDK's back-off takes
 * what is refused again.
 */
const WRITERS = 32;

export interface TrafficPlace {
  productionListenerArn: string;
  testListenerArn: string;
  targetGroups: Record<Colour, string>;
}

/** The listeners of one region's load balancer. */
export class AwsTraffic implements Traffic {
  /** The action lists as they were read last: a write sends them back whole. */
  private readonly actions = new Map<string, Action[]>();
  private others: string[] = [];

  constructor(
    private readonly elb: ElasticLoadBalancingV2Client,
    private readonly place: TrafficPlace,
  ) {}

  async routes(): Promise<Route[]> {
    const { productionListenerArn, testListenerArn } = this.place;
    const [production, test] = await Promise.all([
      this.routesOf('production', productionListenerArn),
      this.routesOf('test', testListenerArn),
    ]);
    return [...production, ...test];
  }

  elsewhere(): Promise<string[]> {
    return Promise.resolve([...this.others].sort());
  }

  private async routesOf(listener: Route['listener'], listenerArn: string): Promise<Route[]> {
    const rules = await this.allRules(listenerArn);
    const seen = rules.map((rule) => ({ rule, route: this.routeOf(listener, listenerArn, rule) }));
    const routes = seen.flatMap(({ route }) => route ?? []);
    if (listener === 'production')
      this.others = seen.flatMap(({ rule, route }) => (route === undefined ? describeOther(rule) : []));
    if (!rules.some((rule) => rule.IsDefault)) throw unreadable(listenerArn, 'it has no default action');
    return routes;
  }

  /** All pages of a listener's rules; the default action is read from the listener itself, where it is written. */
  private async allRules(listenerArn: string): Promise<Rule[]> {
    const [listeners, rules] = await Promise.all([
      this.elb.send(new DescribeListenersCommand({ ListenerArns: [listenerArn] })),
      this.pagesOfRules(listenerArn),
    ]);
    const listener = listeners.Listeners?.[0];
    if (listener?.DefaultActions === undefined) throw unreadable(listenerArn, 'AWS did not describe it');
    const fallback: Rule = { RuleArn: listenerArn, IsDefault: true, Actions: listener.DefaultActions };
    return [fallback, ...rules.filter((rule) => !rule.IsDefault)];
  }

  private async pagesOfRules(listenerArn: string): Promise<Rule[]> {
    const rules: Rule[] = [];
    let marker: string | undefined;
    do {
      const page = await this.elb.send(
        new DescribeRulesCommand({
          ListenerArn: listenerArn,
          PageSize: 400,
          ...(marker === undefined ? {} : { Marker: marker }),
        }),
      );
      if (page.Rules === undefined) throw unreadable(listenerArn, 'a page of its rules is missing');
      rules.push(...page.Rules);
      marker = page.NextMarker;
    } while (marker !== undefined && marker !== '');
    return rules;
  }

  private routeOf(listener: Route['listener'], listenerArn: string, rule: Rule): Route | undefined {
    const actions = rule.Actions ?? [];
    if (actions.length === 0) throw unreadable(listenerArn, `AWS named no actions of ${labelOf(rule)}`);
    const weights = weightsOf(actions, this.place.targetGroups);
    const id = rule.IsDefault === true ? listenerArn : rule.RuleArn;
    if (weights === undefined || id === undefined) return undefined;
    this.actions.set(id, actions);
    const kind = rule.IsDefault === true ? 'default' : 'rule';
    return { id, kind, listener, label: labelOf(rule), weights };
  }

  async write(changes: readonly RouteChange[]): Promise<void> {
    const queue = [...changes];
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      while (failures.length === 0) {
        const change = queue.shift();
        if (change === undefined) return;
        await this.writeOne(change).catch((thrown: unknown) => failures.push(thrown));
      }
    };
    // Ends only when no write is under way: whoever undoes a failed shift must not be overtaken by the rest of it.
    await Promise.all(Array.from({ length: Math.min(WRITERS, queue.length) }, worker));
    if (failures.length > 0) throw failures[0];
  }

  private async writeOne({ route, weights }: RouteChange): Promise<void> {
    const former = this.actions.get(route.id);
    if (former === undefined) throw new Error(`route ${route.id} is written before it was read`);
    const all = withWeights(former, this.place.targetGroups, weights);
    // The test listener keeps both, and through it the load balancer goes on checking the health of each.
    const actions = route.listener === 'production' ? withoutPinned(all, this.place.targetGroups) : all;
    // The default action has no rule of its own that could be changed: ModifyRule refuses it.
    if (route.kind === 'default')
      await this.elb.send(new ModifyListenerCommand({ ListenerArn: route.id, DefaultActions: actions }));
    else await this.elb.send(new ModifyRuleCommand({ RuleArn: route.id, Actions: actions }));
  }
}

function unreadable(listenerArn: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_AWS_FAILED',
    message: `The listener ${listenerArn} cannot be read: ${why}.`,
    next: 'Look at the load balancer; `bascule up` makes what is missing.',
    blame: 'world',
    exitCode: 5,
  });
}

/** The weights that an action list gives the colours; undefined when it forwards to neither. */
export function weightsOf(
  actions: readonly Action[],
  targetGroups: Record<Colour, string>,
): Weights | undefined {
  for (const action of actions) {
    if (action.Type !== 'forward') continue;
    const groups = groupsOf(action);
    const alone = soleSticky(action, targetGroups);
    if (alone !== undefined) return allTo(alone);
    const weight = (colour: Colour): number | undefined => {
      const group = groups.find((one) => one.TargetGroupArn === targetGroups[colour]);
      // A group that is alone in its action has no weight and gets everything; elbv2 says 1 for it.
      return group === undefined ? undefined : (group.Weight ?? 1);
    };
    if (COLOURS.some((colour) => weight(colour) !== undefined))
      return { blue: weight('blue') ?? 0, green: weight('green') ?? 0 };
  }
  return undefined;
}

function groupsOf(action: Action): { TargetGroupArn?: string | undefined; Weight?: number | undefined }[] {
  const groups = action.ForwardConfig?.TargetGroups ?? [];
  if (groups.length > 0) return groups;
  return action.TargetGroupArn === undefined ? [] : [{ TargetGroupArn: action.TargetGroupArn, Weight: 1 }];
}

/**
 * The same action list with other weights. ModifyRule replaces the whole list, so that authentication,
 * stickiness and groups that are not ours are sent again.
 */
export function withWeights(
  actions: readonly Action[],
  targetGroups: Record<Colour, string>,
  weights: Weights,
): Action[] {
  const ours = new Set<string | undefined>(COLOURS.map((colour) => targetGroups[colour]));
  return actions.map((action) => {
    const groups = groupsOf(action);
    if (action.Type === 'authenticate-oidc') return withKeptSecret(action);
    if (action.Type !== 'forward' || !groups.some((group) => ours.has(group.TargetGroupArn))) return action;
    const others = groups.filter((group) => !ours.has(group.TargetGroupArn));
    const colours = COLOURS.map((colour) => ({
      TargetGroupArn: targetGroups[colour],
      Weight: weights[colour],
    }));
    // Dropped: elbv2 refuses a TargetGroupArn beside a ForwardConfig with several groups.
    const { TargetGroupArn: _dropped, ...rest } = action;
    return { ...rest, ForwardConfig: { ...action.ForwardConfig, TargetGroups: [...colours, ...others] } };
  });
}

/**
 * The load balancer sends a request to the target group that its cookie names, whatever that group's weight
 * (Application Load Balancers user guide, "Sticky sessions and weighted target groups"), and every request
 * prolongs the cookie: at weight 0, who is pinned to a colour would stay on it for as long as they are there.
 * Where such an action gives one colour nothing, it does not name that colour at all, so that everybody follows.
 */
export function withoutPinned(actions: readonly Action[], targetGroups: Record<Colour, string>): Action[] {
  const ours = new Set<string | undefined>(COLOURS.map((colour) => targetGroups[colour]));
  return actions.map((action) => {
    const groups = action.ForwardConfig?.TargetGroups ?? [];
    if (!isSticky(action) || !groups.some((group) => (group.Weight ?? 0) > 0)) return action;
    const kept = groups.filter((group) => !ours.has(group.TargetGroupArn) || (group.Weight ?? 0) > 0);
    return { ...action, ForwardConfig: { ...action.ForwardConfig, TargetGroups: kept } };
  });
}

function isSticky(action: Action): boolean {
  return action.ForwardConfig?.TargetGroupStickinessConfig?.Enabled === true;
}

/** The colour that a sticky action names alone: it gets everything, whatever number stands beside it. */
function soleSticky(action: Action, targetGroups: Record<Colour, string>): Colour | undefined {
  const groups = groupsOf(action);
  if (!isSticky(action) || groups.length !== 1) return undefined;
  return COLOURS.find((colour) => groups[0]?.TargetGroupArn === targetGroups[colour]);
}

/** AWS never shows the client secret again; without this it would be refused as missing. */
function withKeptSecret(action: Action): Action {
  const { AuthenticateOidcConfig: oidc } = action;
  return oidc === undefined
    ? action
    : { ...action, AuthenticateOidcConfig: { ...oidc, UseExistingClientSecret: true } };
}

function describeOther(rule: Rule): string {
  return `${labelOf(rule)}: ${(rule.Actions ?? []).map((action) => action.Type ?? 'unknown').join(', ')}`;
}

function labelOf(rule: Rule): string {
  if (rule.IsDefault === true) return 'default action';
  const conditions = (rule.Conditions ?? []).map(conditionText).join(', ');
  return `rule ${rule.Priority ?? '?'}${conditions === '' ? '' : ` (${conditions})`}`;
}

function conditionText(condition: RuleCondition): string {
  const { HttpHeaderConfig: header, QueryStringConfig: query } = condition;
  if (header !== undefined)
    return `header ${header.HttpHeaderName ?? ''}: ${(header.Values ?? []).join(' | ')}`;
  if (query !== undefined) {
    const pairs = (query.Values ?? []).map(({ Key, Value }) => [Key, Value].filter(Boolean).join('='));
    return `query ${pairs.join(' | ')}`;
  }
  const { HostHeaderConfig: host, PathPatternConfig: path, SourceIpConfig: source } = condition;
  const name = (condition.Field ?? '').replace(/^http-request-|-header$|-pattern$/g, '');
  const values = (host ?? path ?? source ?? condition.HttpRequestMethodConfig ?? condition).Values ?? [];
  return `${name} ${values.join(' | ')}`;
}
