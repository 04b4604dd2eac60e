import http from 'node:http';
import { Generator } from '../../automation/rehearsal/load/generator';
import { Ledger } from '../../automation/rehearsal/load/ledger';
import { resolveLoadOptions } from '../../automation/rehearsal/load/options';
import type { LoadResult } from '../../automation/rehearsal/load/types';
import type {
  RehearsalReport,
  RehearsedDeployment,
  RehearsedStep,
} from '../../automation/rehearsal/report/types';
import { countingServer, listen, type TestServer } from './servers';

export interface MiniatureOptions {
  /** Requests a second. */
  rate: number;
  /** Seconds that the slow requests take. */
  slowSeconds: number;
  /** How many requests go by in one part of a step; this is what makes it long or short. */
  requestsPerStep: number;
}

/** Forwards to one backend at a time, as a load balancer does whose weights are 0 and 1. */
class Switch {
  live: TestServer | null = null;
  private readonly agent = new http.Agent({ keepAlive: true });

  server(): http.Server {
    return http.createServer((request, answer) => {
      const { port } = this.live as TestServer;
      const forwarded = http.request(
        { host: '127.0.0.1', port, path: request.url, agent: this.agent },
        (response) => {
          answer.writeHead(response.statusCode ?? 502, response.headers);
          response.pipe(answer);
        },
      );
      forwarded.on('error', () => answer.writeHead(502).end());
      forwarded.end();
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** A rehearsal in small: real load over a real proxy between two real servers, steps that really do something. */
export class Miniature {
  readonly deployments: RehearsedDeployment[] = [];
  private readonly servers: TestServer[] = [];
  private readonly ledger = new Ledger();
  private constructor(
    private readonly options: MiniatureOptions,
    private readonly generator: Generator,
    private readonly balancer: Switch,
    readonly url: string,
  ) {}

  static async start(options: MiniatureOptions): Promise<Miniature> {
    const balancer = new Switch();
    const front = await listen(balancer.server());
    const blue = await listen(countingServer(() => 'i-0b1;blue;1.0.0').server);
    balancer.live = blue;
    const load = resolveLoadOptions({
      url: front.url,
      requestsPerSecond: options.rate,
      slow: { path: `/slow?seconds=${options.slowSeconds}`, connections: 8 },
    });
    const miniature = new Miniature(options, new Generator(load), balancer, front.url);
    miniature.servers.push(front, blue);
    return miniature;
  }

  private now(): LoadResult {
    this.ledger.apply(this.generator.takeDelta());
    return this.ledger.result() as LoadResult;
  }

  /** Waits until `requests` more got their response. */
  async traffic(requests: number): Promise<void> {
    const until = this.now().completed + requests;
    while (this.now().completed < until) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  private async step(
    name: string,
    parts: number,
    act?: () => Promise<string | void> | string | void,
  ): Promise<RehearsedStep> {
    const startedAt = Date.now();
    await this.traffic(Math.max(1, this.options.requestsPerStep * parts));
    const note = (await act?.()) ?? undefined;
    return { name, startedAt, endedAt: Date.now(), outcome: 'done', ...(note ? { note } : {}) };
  }

  private async proves(server: TestServer): Promise<string> {
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => (await fetch(`${server.url}/`)).headers.get('x-bascule-target')),
    );
    return `5 of 5 requests answered by ${answers[0]?.split(';')[2]}`;
  }

  private record(
    what: string,
    steps: RehearsedStep[],
    facts: Partial<RehearsedDeployment> & Pick<RehearsedDeployment, 'outcome' | 'expected'>,
  ): void {
    this.deployments.push({
      id: `20261121-0600${this.deployments.length}`,
      what,
      asExpected: facts.outcome === facts.expected,
      startedAt: steps[0]?.startedAt ?? 0,
      endedAt: steps.at(-1)?.endedAt ?? 0,
      steps,
      ...facts,
    });
  }

  /** Brings up green and moves all traffic to it. */
  async deploy(version: string): Promise<void> {
    const green = await listen(countingServer(() => `i-0a7;green;${version}`).server);
    this.servers.push(green);
    const steps = [
      await this.step('apply-idle', 6, () => 'launch template version 2, 2 instances'),
      await this.step('health-gate', 5, () => this.proves(green)),
      await this.step('point-test', 0.4),
      await this.step('smoke', 0.8, () => this.proves(green)),
      await this.step('shift', 0.5, () => {
        this.balancer.live = green;
        return '1 listener, green 100 %';
      }),
      await this.step('prove', 0.6, () => this.proves({ ...green, url: this.url })),
      await this.step('soak', 6),
    ];
    this.record(`deploy ${version}`, steps, {
      from: '1.0.0',
      to: version,
      outcome: 'succeeded',
      expected: 'succeeded',
    });
  }

  async rollBack(): Promise<void> {
    const steps = [
      await this.step('health-gate', 2),
      await this.step('shift', 0.5, () => {
        this.balancer.live = this.servers[1] as TestServer;
        return '1 listener, blue 100 %';
      }),
      await this.step('prove', 0.6),
    ];
    this.record('rollback', steps, {
      from: '2.0.0',
      to: '1.0.0',
      outcome: 'succeeded',
      expected: 'succeeded',
    });
  }

  /** A release whose server is not there. */
  async refuse(version: string): Promise<void> {
    const gone = await listen(countingServer(() => '').server);
    await gone.close();
    const applied = await this.step('apply-idle', 5);
    const gate = await this.step('health-gate', 4);
    const message = await fetch(gone.url).then(
      () => 'it answered',
      (error: Error) => `i-0c3 never became healthy: ${String((error.cause as Error).message)}`,
    );
    this.record(
      `deploy ${version}`,
      [applied, { ...gate, outcome: 'failed', note: 'Target.FailedHealthChecks' }],
      {
        from: '1.0.0',
        to: '1.0.0',
        outcome: 'refused',
        expected: 'refused',
        message: `${message}\nTraffic was not touched: 1.0.0 (blue) is live.`,
      },
    );
  }

  /** Ends the connections of everything, as a load balancer that dies would. */
  async breakDown(): Promise<void> {
    await this.servers[0]?.close();
  }

  /** Stops the load and gives the report. */
  async finish(startedAt: number): Promise<RehearsalReport> {
    await this.generator.stop();
    const load = this.now();
    return {
      title: 'Rehearsal of hello',
      startedAt,
      endedAt: Date.now(),
      service: 'hello',
      url: this.url,
      load,
      deployments: this.deployments,
      checks: [
        { name: 'failed requests', expected: '0', found: String(load.failed), ok: load.failed === 0 },
        { name: 'live at the end', expected: '1.0.0', found: '1.0.0', ok: true },
      ],
      facts: { Node: process.version, 'Rate asked for': `${this.options.rate} requests a second` },
    };
  }

  async close(): Promise<void> {
    await this.generator.stop();
    for (const server of this.servers) await server.close();
    this.balancer.close();
  }
}

/** The whole story in small. */
export async function rehearseInSmall(options: MiniatureOptions): Promise<RehearsalReport> {
  const startedAt = Date.now();
  // Longer than a few buckets, so that each pause shows up as a phase of its own.
  const pause = options.requestsPerStep * 8;
  const miniature = await Miniature.start(options);
  try {
    await miniature.traffic(pause);
    await miniature.deploy('2.0.0');
    await miniature.traffic(pause);
    await miniature.rollBack();
    await miniature.traffic(pause);
    await miniature.refuse('3.0.0-crash');
    await miniature.traffic(pause);
    await miniature.refuse('3.0.1-sick');
    await miniature.traffic(pause);
    return await miniature.finish(startedAt);
  } finally {
    await miniature.close();
  }
}
