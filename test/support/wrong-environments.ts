import { cidrLine, type Edit } from './config';

export const withHttps: Edit = (input) => {
  input.loadBalancer = { domain: 'shop.example.com' };
  Object.assign(input.listeners.production, {
    protocol: 'HTTPS',
    certificateArn: 'arn:aws:acm:eu-west-3:123456789012:certificate/abc',
  });
};

export const both = (...edits: Edit[]): Edit => {
  return (input) => edits.forEach((edit) => edit(input));
};

/** What is done to a right environment, and the one problem that must come of it. */
export const WRONG: [string, Edit, string, RegExp][] = [
  ['an unknown key', (i) => (i['colour'] = 'blue'), 'colour', /unknown key/],
  ['an unknown key deep inside', (i) => (i.fleet['min'] = 1), 'fleet.min', /unknown key/],
  ['a missing key', (i) => delete i['bucket'], 'bucket', /missing/],
  ['a wrong type', (i) => (i.fleet['minimum'] = '2'), 'fleet.minimum', /"2" is not a number/],
  [
    'a fraction of an instance',
    (i) => (i.fleet['maximum'] = 2.5),
    'fleet.maximum',
    /2.5 is not a whole number/,
  ],
  [
    'a status without quotes',
    (i) => (i['targets'] = { healthCheck: { matcher: 200 } }),
    'targets.healthCheck.matcher',
    /quotes/,
  ],
  [
    'a migration without a command',
    (i) => (i['deployment'] = { migrate: { expand: { on: 'local' } } }),
    'deployment.migrate.expand.command',
    /missing/,
  ],
  [
    'a migration that runs nowhere',
    (i) => (i['deployment'] = { migrate: { contract: { command: ['m'], on: 'host' } } }),
    'deployment.migrate.contract.on',
    /"host" is not one of "local", "instance"/,
  ],
  [
    'a test that does nothing',
    (i) => (i['deployment'] = { tests: [{ name: 'login' }] }),
    'deployment.tests[0]',
    /give it a command or a suite/,
  ],
  [
    'a test of two kinds',
    (i) => (i['deployment'] = { tests: [{ name: 'login', command: ['a'], suite: 'b.yaml' }] }),
    'deployment.tests[0]',
    /make two tests of it/,
  ],
  [
    'two tests of one name',
    (i) =>
      (i['deployment'] = {
        tests: [
          { name: 'login', command: ['a'] },
          { name: 'login', suite: 'b.yaml' },
        ],
      }),
    'deployment.tests[1].name',
    /also the name of deployment.tests\[0\]/,
  ],
  [
    'a test at a moment twice',
    (i) => (i['deployment'] = { tests: [{ name: 'login', command: ['a'], when: ['idle', 'idle'] }] }),
    'deployment.tests[0].when',
    /names idle twice/,
  ],
  ['no region', (i) => (i['regions'] = []), 'regions', /0 entries; at least 1/],
  ['a region twice', (i) => (i['regions'] = ['eu-west-3', 'eu-west-3']), 'regions', /twice/],
  [
    'minimum over maximum',
    (i) => (i.fleet['minimum'] = 5),
    'fleet.minimum',
    /5 is more than fleet.maximum 4/,
  ],
  [
    'desired under minimum',
    (i) => (i.fleet['desired'] = 1),
    'fleet.desired',
    /1 is less than fleet.minimum 2/,
  ],
  [
    'desired over maximum',
    (i) => (i.fleet['desired'] = 5),
    'fleet.desired',
    /5 is more than fleet.maximum 4/,
  ],
  [
    'a network of no kind',
    (i) => (i['network'] = { kind: 'own' }),
    'network.kind',
    /default, existing, new|"default", "existing", "new"/,
  ],
  [
    'a new network that is too small',
    (i) => (i['network'] = { kind: 'new', cidr: '10.0.0.0/26' }),
    'network.cidr',
    /\/16 to \/24/,
  ],
  [
    'a timeout as long as the interval',
    (i) => (i['targets'] = { healthCheck: { timeoutSeconds: 10 } }),
    'targets.healthCheck.timeoutSeconds',
    /10 is not less than intervalSeconds 10/,
  ],
  [
    'a threshold of 1',
    (i) => (i['targets'] = { healthCheck: { healthyThreshold: 1 } }),
    'targets.healthCheck.healthyThreshold',
    /at least 2/,
  ],
  [
    'a slow start AWS does not know',
    (i) => (i['targets'] = { slowStartSeconds: 10 }),
    'targets.slowStartSeconds',
    /30 to 900/,
  ],
  [
    'a slow start with another algorithm',
    (i) => (i['targets'] = { slowStartSeconds: 30, algorithm: 'weighted_random' }),
    'targets.slowStartSeconds',
    /round_robin/,
  ],
  [
    'sticky targets without group stickiness',
    (i) => (i['targets'] = { stickiness: { kind: 'load-balancer-cookie' } }),
    'targets.groupStickiness.enabled',
    /refuses actions with weights/,
  ],
  [
    'an application cookie without a name',
    (i) =>
      (i['targets'] = { stickiness: { kind: 'application-cookie' }, groupStickiness: { enabled: true } }),
    'targets.stickiness.cookieName',
    /missing/,
  ],
  [
    "a cookie of the load balancer's",
    (i) =>
      (i['targets'] = {
        stickiness: { kind: 'application-cookie', cookieName: 'AWSALBAPP' },
        groupStickiness: { enabled: true },
      }),
    'targets.stickiness.cookieName',
    /keeps for itself/,
  ],
  [
    'the test listener on the production port',
    (i) => (i.listeners.test['port'] = 80),
    'listeners.test.port',
    /also the production/,
  ],
  [
    'the test listener on the redirected port',
    both(withHttps, (i) => (i.listeners.test['port'] = 80)),
    'listeners.test.port',
    /redirected/,
  ],
  [
    'HTTPS without a certificate',
    both(withHttps, (i) => delete i.listeners.production['certificateArn']),
    'listeners.production.certificateArn',
    /needs a certificate in eu-west-3/,
  ],
  [
    'HTTPS without a domain',
    both(withHttps, (i) => (i['loadBalancer'] = {})),
    'loadBalancer.domain',
    /missing/,
  ],
  [
    'a certificate with HTTP',
    (i) => (i.listeners.production['certificateArn'] = 'arn:aws:acm:eu-west-3:123456789012:certificate/a'),
    'listeners.production.certificateArn',
    /protocol is HTTP/,
  ],
  [
    'a redirect with HTTP',
    (i) => (i.listeners.production['redirectFromPort'] = 81),
    'listeners.production.redirectFromPort',
    /HTTPS only/,
  ],
  [
    'a certificate of another region',
    both(withHttps, (i) => (i['regions'] = ['eu-west-3', 'eu-central-1'])),
    'listeners.production.certificateArn',
    /regionOverrides.eu-central-1.certificateArn/,
  ],
  [
    'an override of a region that is not there',
    (i) => (i['regionOverrides'] = { 'eu-west-1': {} }),
    'regionOverrides.eu-west-1',
    /not one of regions/,
  ],
  [
    'ids of subnets for two regions',
    (i) =>
      Object.assign(i, {
        regions: ['eu-west-3', 'eu-west-1'],
        network: {
          kind: 'existing',
          vpc: { id: 'vpc-1' },
          loadBalancerSubnets: { tags: { a: 'b' } },
          instanceSubnets: { tags: { a: 'b' } },
        },
      }),
    'network',
    /belong to one region/,
  ],
  [
    'nobody allowed in',
    (i) => (i.listeners.test['allowedCidrs'] = []),
    'listeners.test.allowedCidrs',
    /at least 1/,
  ],
  [
    'a CIDR with host bits',
    cidrLine('10.0.0.1/8'),
    'listeners.production.allowedCidrs[0]',
    /write 10.0.0.0\/8/,
  ],
  ['an IPv6 CIDR', cidrLine('::/0'), 'listeners.production.allowedCidrs[0]', /IPv6/],
  [
    'an address without a length',
    cidrLine('10.0.0.1'),
    'listeners.production.allowedCidrs[0]',
    /not an IPv4 CIDR/,
  ],
  [
    'a CIDR with a byte over 255',
    cidrLine('10.0.256.0/24'),
    'listeners.production.allowedCidrs[0]',
    /not an IPv4 CIDR/,
  ],
  [
    'two rules of one priority',
    rules({ name: 'a', priority: 1, paths: ['/a'] }, { name: 'b', priority: 1, paths: ['/b'] }),
    'rules[1].priority',
    /also the priority of rules\[0\]/,
  ],
  [
    'two rules of one name',
    rules({ name: 'a', priority: 1, paths: ['/a'] }, { name: 'a', priority: 2, paths: ['/b'] }),
    'rules[1].name',
    /also the name/,
  ],
  ['a rule without a condition', rules({ name: 'a', priority: 1 }), 'rules[0]', /no condition/],
  [
    'six condition values',
    rules({
      name: 'a',
      priority: 1,
      paths: ['/1', '/2', '/3'],
      hosts: ['a.b', 'c.d'],
      headers: { X: ['1'] },
    }),
    'rules[0]',
    /6 condition values, AWS allows 5/,
  ],
  [
    'seven wildcards',
    rules({ name: 'a', priority: 1, paths: ['/*/*/*/*', '/?*?'] }),
    'rules[0]',
    /7 wildcards/,
  ],
  ['a tag that Bascule sets', (i) => (i['tags'] = { version: '1' }), 'tags.version', /kept for Bascule/],
  ["a tag of AWS's", (i) => (i['tags'] = { 'aws:x': '1' }), 'tags["aws:x"]', /kept for Bascule and AWS/],
  [
    'retiring later than never',
    (i) => (i['deployment'] = { retire: { when: 'never', afterSeconds: 5 } }),
    'deployment.retire.afterSeconds',
    /when is never/,
  ],
  [
    'egress without a port',
    (i) => (i.fleet['egress'] = [{ cidr: '10.0.0.0/8' }]),
    'fleet.egress[0]',
    /needs a port/,
  ],
  [
    'any egress with a port',
    (i) => (i.fleet['egress'] = [{ cidr: '10.0.0.0/8', protocol: 'any', port: 1 }]),
    'fleet.egress[0]',
    /without port/,
  ],
  [
    'a range of ports upside down',
    (i) => (i.fleet['egress'] = [{ cidr: '10.0.0.0/8', port: 9, toPort: 8 }]),
    'fleet.egress[0].toPort',
    /8 is less than port 9/,
  ],
  [
    'a topic of another region',
    (i) => (i['alarms'] = { topicArn: 'arn:aws:sns:us-east-1:123456789012:t' }),
    'alarms.topicArn',
    /own region/,
  ],
  [
    'a load balancer name of 33 characters',
    (i) => (i['loadBalancer'] = { name: 'x'.repeat(33) }),
    'loadBalancer.name',
    /33 characters; at most 32/,
  ],
  [
    'a load balancer name AWS keeps',
    (i) => (i['loadBalancer'] = { name: 'internal-shop' }),
    'loadBalancer.name',
    /internal-/,
  ],
];

function rules(...all: Record<string, unknown>[]): Edit {
  return (input) => (input['rules'] = all);
}
