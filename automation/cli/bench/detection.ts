import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateRuleCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  type Listener,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { parse, stringify } from 'yaml';
import { createClients, type AwsClients } from '../../../src/adapters/aws';
import { systemClock } from '../../../src/adapters/clock';
import { S3Journal } from '../../../src/adapters/journal';
import { AwsMetrics } from '../../../src/adapters/metrics';
import { Objects } from '../../../src/adapters/objects';
import type { Colour } from '../../../src/domain/colour';
import type { JournalRecord } from '../../../src/domain/records';
import type { CommandLine } from '../../rehearsal/cast';
import { startLoad } from '../../rehearsal/load/load';
import { REHEARSAL } from '../../rehearsal/project';
import { timed, type Timing } from './measure';

/** As many as a load balancer may have by default, the default action included. */
const ROUTES = 100;
const RUNS = 3;
const WEIGHT = 25;
/** How often the bench itself asks CloudWatch: the times are right to within this. */
const ASK_EVERY_MILLISECONDS = 50;

export interface DetectionBench {
  bascule: CommandLine;
  project: string;
  bucket: string;
  region: string;
  /** Releases that fail most requests and are healthy on their health path. */
  versions: { what: string; version: string }[];
  idle: Colour;
  say: (line: string) => void;
}

/** From the first bad sample's arrival in CloudWatch to weights restored, under load, by real deployments. */
export async function detectionTimings(bench: DetectionBench): Promise<Timing[]> {
  const clients = createClients(bench.region);
  const place = await placeOf(clients);
  await addRules(clients, place.production);
  await analyse(bench.project);
  const metrics = new AwsMetrics(clients.cloudWatch, place.loadBalancerArn, place.targetGroups);
  const load = await startLoad({ url: place.url, path: '/', requestsPerSecond: 400, failOn: 'server-error' });
  const timings: Timing[] = [];
  try {
    for (const { what, version } of bench.versions) {
      const parts: string[] = [];
      const before = load.snapshot();
      const name = `bad sample in CloudWatch to weights back, ${ROUTES} routes, ${what}`;
      const whole = await timed(name, 0, RUNS, async () => {
        const run = await turnBack(bench, version, metrics);
        const told = `decided after ${run.decided.toFixed(2)} s, restored after ${run.restored.toFixed(2)} s`;
        parts.push(told);
        bench.say(`  ${what}: ${told}`);
        return { seconds: run.restored };
      });
      const after = load.snapshot();
      const failed = `${after.failed - before.failed} of ${after.sent - before.sent} requests failed`;
      timings.push({ ...whole, note: `${parts.join('; ')}; ${failed}, with ${WEIGHT} % on the release` });
    }
    return timings;
  } finally {
    await load.stop();
  }
}

interface TurnedBack {
  /** Seconds after the first bad sample was there. */
  decided: number;
  restored: number;
}

async function turnBack(bench: DetectionBench, version: string, metrics: AwsMetrics): Promise<TurnedBack> {
  const began = Date.now();
  const command = ['deploy', REHEARSAL, '--version', version];
  const strategy = ['--strategy', 'canary', '--weights', String(WEIGHT), '--pause', '60'];
  const ended = new AbortController();
  const [run, arrived] = await Promise.all([
    bench.bascule.run([...command, ...strategy]).finally(() => ended.abort()),
    firstFailure(metrics, bench.idle, began, ended.signal),
  ]);
  const { deployment, reason } = run.json as { deployment?: string; reason?: { code: string } };
  if (run.exitCode !== 4 || deployment === undefined || arrived === undefined)
    throw new Error(
      `the bad release was not turned back: ${run.exitCode} ${reason?.code} ${run.json.message}`,
    );
  const objects = new Objects(createClients(bench.region).s3, bench.bucket);
  const records = await new S3Journal(objects, REHEARSAL).read(deployment);
  const at = (kind: JournalRecord['kind'], step: string): number => {
    const found = records.find(
      (record) => record.kind === kind && 'step' in record && record.step?.startsWith(step),
    );
    if (found === undefined) throw new Error(`the journal of ${deployment} has no ${kind} of ${step}`);
    return found.at;
  };
  return {
    decided: (at('failed', 'analyse:') - arrived) / 1000,
    restored: (at('undone', 'shift:') - arrived) / 1000,
  };
}

/** When CloudWatch had a failed request of the colour for the first time; undefined when it never did. */
async function firstFailure(
  metrics: AwsMetrics,
  colour: Colour,
  from: number,
  ended: AbortSignal,
): Promise<number | undefined> {
  while (!ended.aborted) {
    const counts = await metrics.totals(colour, from, Date.now());
    if ((counts?.failures ?? 0) > 0) return Date.now();
    await systemClock.wait(ASK_EVERY_MILLISECONDS, ended);
  }
  return undefined;
}

interface Place {
  loadBalancerArn: string;
  production: Listener;
  targetGroups: Record<Colour, string>;
  url: string;
}

async function placeOf({ elb }: AwsClients): Promise<Place> {
  const { LoadBalancers = [] } = await elb.send(new DescribeLoadBalancersCommand({}));
  const balancer = LoadBalancers.find(({ LoadBalancerName = '' }) => LoadBalancerName.includes(REHEARSAL));
  const loadBalancerArn = required(balancer?.LoadBalancerArn, 'load balancer');
  const { Listeners = [] } = await elb.send(
    new DescribeListenersCommand({ LoadBalancerArn: loadBalancerArn }),
  );
  const production = required(
    Listeners.find(({ Port }) => Port === 8080),
    'production listener',
  );
  const { TargetGroups = [] } = await elb.send(
    new DescribeTargetGroupsCommand({ LoadBalancerArn: loadBalancerArn }),
  );
  const group = (colour: Colour): string =>
    required(
      TargetGroups.find(({ TargetGroupName = '' }) => TargetGroupName.endsWith(`-${colour}`))?.TargetGroupArn,
      `${colour} target group`,
    );
  return {
    loadBalancerArn,
    production,
    targetGroups: { blue: group('blue'), green: group('green') },
    url: `http://${balancer?.DNSName}:8080`,
  };
}

/** Past Pulumi, which would take minutes for them: the driver reads the rules from the listener in any case. */
async function addRules({ elb }: AwsClients, { ListenerArn, DefaultActions }: Listener): Promise<void> {
  const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn }));
  for (let index = Rules.length; index < ROUTES; index += 1)
    await elb.send(
      new CreateRuleCommand({
        ListenerArn,
        Priority: 1000 + index,
        Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/bench/${index}/*`] } }],
        Actions: DefaultActions,
      }),
    );
}

async function analyse(project: string): Promise<void> {
  const file = path.join(project, `Pulumi.${REHEARSAL}.yaml`);
  const settings = parse(await readFile(file, 'utf8')) as {
    config: { 'bascule:environment': { deployment: Record<string, unknown> } };
  };
  settings.config['bascule:environment'].deployment['analysis'] = {
    intervalSeconds: 0.5,
    checks: [{ kind: 'error-rate', name: 'errors', limitPercent: 5, windowSeconds: 5, minimumRequests: 20 }],
  };
  await writeFile(file, stringify(settings));
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the bench has no ${what}`);
  return value;
}
