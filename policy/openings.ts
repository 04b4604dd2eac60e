import { numberOf, objectsIn, textsIn, type Member, type Props, type Rule, type StackRule } from './rule';

const INGRESS = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';
const EGRESS = 'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule';
const OLD_RULE = 'aws:ec2/securityGroupRule:SecurityGroupRule';
const GROUP = 'aws:ec2/securityGroup:SecurityGroup';
const DEFAULT_GROUP = 'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup';
const LOAD_BALANCER = 'aws:lb/loadBalancer:LoadBalancer';
const LISTENER = 'aws:lb/listener:Listener';

const EVERYONE = new Set(['0.0.0.0/0', '::/0']);

/** The ends of the world that a rule names, in any of the forms of a rule. */
function openIn(rule: Props): string[] {
  const named = [
    rule['cidrIpv4'],
    rule['cidrIpv6'],
    ...textsIn(rule, 'cidrBlocks'),
    ...textsIn(rule, 'ipv6CidrBlocks'),
  ];
  return named.filter((one): one is string => typeof one === 'string' && EVERYONE.has(one));
}

/** What Bascule calls the rules of the two listeners that may be open; whether they are is looked at with the whole stack. */
const FOR_CLIENTS = /^(production|redirect)-from-/;

export const noOpenIngress: Rule = {
  name: 'no-open-ingress',
  description: 'Nobody but the production listener, and what redirects to it, is open to everyone.',
  severity: 'critical',
  types: [INGRESS, OLD_RULE, GROUP, DEFAULT_GROUP],
  check({ type, name, props }) {
    if (type === INGRESS) return FOR_CLIENTS.test(name) ? [] : told(openIn(props));
    if (type === OLD_RULE) return props['type'] === 'ingress' ? told(openIn(props)) : [];
    return objectsIn(props, 'ingress').flatMap((rule) => told(openIn(rule)));
  },
};

function told(open: readonly string[]): string[] {
  return open.map((cidr) => `${cidr} must not be let in: name the addresses that may connect`);
}

/** Instances fetch releases and packages from addresses that change, by HTTPS; with one port named that is all. */
export const noOpenEgress: Rule = {
  name: 'no-open-egress',
  description: 'What may connect to everywhere names a single port.',
  severity: 'medium',
  types: [EGRESS, OLD_RULE, GROUP, DEFAULT_GROUP],
  check({ type, props }) {
    if (type === EGRESS) return toldOut(props, props['ipProtocol']);
    if (type === OLD_RULE) return props['type'] === 'egress' ? toldOut(props, props['protocol']) : [];
    return objectsIn(props, 'egress').flatMap((rule) => toldOut(rule, rule['protocol']));
  },
};

function toldOut(rule: Props, protocol: unknown): string[] {
  const all = protocol === '-1' || protocol === 'all';
  const from = numberOf(rule['fromPort']);
  if (!all && from !== undefined && from === numberOf(rule['toPort'])) return [];
  return openIn(rule).map((cidr) => `connections to ${cidr} must name a single port, not all of them`);
}

/**
 * That a rule says to be the production listener's is not enough: it must belong to the load balancer's group, and to
 * a port where a listener forwards production requests or redirects to one that does.
 */
export const openForClients: StackRule = {
  name: 'open-for-clients-only',
  description: 'A rule that is open to everyone leads to the production listener, or to its redirect.',
  severity: 'critical',
  checkAll(members) {
    const balancers = members.filter(({ type }) => type === LOAD_BALANCER);
    const listeners = members.filter(({ type }) => type === LISTENER);
    return members
      .filter(({ type, props }) => type === INGRESS && openIn(props).length > 0)
      .filter((rule) => !balancers.some((one) => leadsTo(rule, one, listeners)))
      .map(({ urn }) => ({
        urn,
        message: 'open to everyone, and not the port of a production listener or its redirect',
      }));
  },
};

function leadsTo(rule: Member, balancer: Member, listeners: readonly Member[]): boolean {
  const port = numberOf(rule.props['fromPort']);
  if (port === undefined || port !== numberOf(rule.props['toPort'])) return false;
  if (!sharesGroup(rule, balancer)) return false;
  return listeners.some(
    (listener) =>
      numberOf(listener.props['port']) === port && isOn(listener, balancer) && isForClients(listener),
  );
}

function sharesGroup(rule: Member, balancer: Member): boolean {
  const group = rule.props['securityGroupId'];
  const bySource = (rule.sources['securityGroupId'] ?? []).some((urn) =>
    balancer.sources['securityGroups']?.includes(urn),
  );
  return bySource || (typeof group === 'string' && textsIn(balancer.props, 'securityGroups').includes(group));
}

function isOn(listener: Member, balancer: Member): boolean {
  const arn = listener.props['loadBalancerArn'];
  const bySource = listener.sources['loadBalancerArn']?.includes(balancer.urn) === true;
  return bySource || (typeof arn === 'string' && arn === balancer.props['arn']);
}

function isForClients({ name, props }: Member): boolean {
  if (/^production\./.test(name)) return true;
  const actions = objectsIn(props, 'defaultActions');
  return actions.length > 0 && actions.every(({ type }) => type === 'redirect');
}
