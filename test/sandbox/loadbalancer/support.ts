import * as http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { DataPlane, type DataPlaneOptions } from '../../../automation/sandbox/loadbalancer';
import type {
  InstanceState,
  ListenerAction,
  LoadBalancerState,
  RuleState,
  SandboxState,
  TargetGroupState,
} from '../../../automation/sandbox/contract';
import { freePort } from '../../support/ports';

export { freePort };

export const LB = 'arn:lb';
export const LISTENER = 'arn:listener';

/** Resolves once the condition holds; says what was waited for when it does not within the time. */
export async function until(what: string, condition: () => boolean, milliseconds = 30_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Things to undo after a test, also after one that failed; the last one first. */
export class Cleanup {
  private readonly tasks: (() => unknown)[] = [];
  add(task: () => unknown): void {
    this.tasks.push(task);
  }
  async run(): Promise<void> {
    for (const task of this.tasks.splice(0).reverse()) await task();
  }
}

/** A real HTTP server that stands for an instance's process. */
export class Process {
  readonly seen: http.IncomingMessage[] = [];
  private readonly sockets = new Set<Socket>();
  /** Status of GET /health. */
  health = 200;
  port = 0;

  private constructor(
    readonly id: string,
    readonly server: http.Server,
  ) {}

  /** Answers with its id, or as `handle` does, which says whether it took the request. */
  static async start(
    id: string,
    cleanup: Cleanup,
    handle: (request: http.IncomingMessage, response: http.ServerResponse) => boolean = () => false,
  ): Promise<Process> {
    const server = http.createServer();
    const process = new Process(id, server);
    server.on('connection', (socket) => {
      process.sockets.add(socket);
      socket.on('close', () => process.sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      if (request.url === '/health') {
        response.statusCode = process.health;
        response.end();
        return;
      }
      process.seen.push(request);
      if (handle(request, response)) return;
      request.resume();
      response.end(id);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    process.port = (server.address() as AddressInfo).port;
    cleanup.add(() => process.stop());
    return process;
  }

  get connections(): number {
    return this.sockets.size;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }
}

export function group(
  arn: string,
  ids: string[],
  attributes: Record<string, string> = {},
  check: Partial<TargetGroupState['healthCheck']> = {},
): TargetGroupState {
  return {
    arn,
    name: arn,
    account: '123456789012',
    region: 'eu-west-3',
    port: 80,
    protocol: 'HTTP',
    healthCheck: {
      enabled: true,
      path: '/health',
      port: 'traffic-port',
      protocol: 'HTTP',
      intervalSeconds: 0.05,
      timeoutSeconds: 3,
      healthyThreshold: 3,
      unhealthyThreshold: 2,
      matcher: '200',
      ...check,
    },
    attributes,
    targets: ids.map((id) => ({ id, port: 80, registeredAt: 1, deregisteredAt: null })),
  };
}

export function instance(id: string, tags: Record<string, string> = {}): InstanceState {
  return {
    id,
    account: '123456789012',
    region: 'eu-west-3',
    state: 'running',
    imageId: 'ami-1',
    imageTags: {},
    tags,
    userData: null,
    launchedAt: 1,
    autoScalingGroup: null,
    disk: null,
    buildMachine: false,
  };
}

export function forward(weights: Record<string, number>, stickySeconds?: number): ListenerAction {
  const TargetGroups = Object.entries(weights).map(([TargetGroupArn, Weight]) => ({
    TargetGroupArn,
    Weight,
  }));
  const stickiness = { Enabled: stickySeconds !== undefined, DurationSeconds: stickySeconds };
  return { Type: 'forward', ForwardConfig: { TargetGroups, TargetGroupStickinessConfig: stickiness } };
}

export function rule(
  priority: string,
  action: ListenerAction,
  conditions: RuleState['conditions'] = [],
): RuleState {
  return { arn: `arn:rule:${priority}`, priority, conditions, actions: [action] };
}

/** A data plane with one load balancer and one HTTP listener, over processes started by the test. */
export class Bench {
  readonly log: string[] = [];
  readonly plane: DataPlane;
  readonly processes = new Map<string, { port: number }>();
  state: SandboxState;

  private constructor(
    readonly port: number,
    options: Partial<DataPlaneOptions>,
  ) {
    this.plane = new DataPlane({ log: (line) => this.log.push(line), ...options });
    const listener = { arn: LISTENER, port, protocol: 'HTTP' as const, certificateArns: [], rules: [] };
    const loadBalancer: LoadBalancerState = {
      arn: LB,
      name: 'shop-production',
      account: '123456789012',
      region: 'eu-west-3',
      address: '127.0.0.1',
      idleTimeoutSeconds: 60,
      listeners: [listener],
    };
    this.state = {
      revision: 1,
      loadBalancers: [loadBalancer],
      targetGroups: [],
      instances: [],
      certificates: [],
      commands: [],
      cuts: [],
    };
  }

  static async open(cleanup: Cleanup, options: Partial<DataPlaneOptions> = {}): Promise<Bench> {
    const bench = new Bench(await freePort(), options);
    cleanup.add(() => bench.plane.close());
    return bench;
  }

  get loadBalancer(): LoadBalancerState {
    return this.state.loadBalancers[0] as LoadBalancerState;
  }

  get listener() {
    return this.loadBalancer.listeners[0] as LoadBalancerState['listeners'][number];
  }

  /** Starts one process for each id. */
  async run(
    cleanup: Cleanup,
    ids: string[],
    handle?: (request: http.IncomingMessage, response: http.ServerResponse) => boolean,
  ): Promise<Process[]> {
    const started = await Promise.all(ids.map((id) => Process.start(id, cleanup, handle)));
    for (const process of started) this.processes.set(process.id, process);
    return started;
  }

  /** Applies the state with these rules, and target groups where given. */
  async apply(rules: RuleState[], groups?: TargetGroupState[]): Promise<void> {
    this.listener.rules = rules;
    if (groups !== undefined) this.state.targetGroups = groups;
    await this.reapply();
  }

  async reapply(): Promise<void> {
    this.state = structuredClone({ ...this.state, revision: this.state.revision + 1 });
    await this.plane.apply(this.state, (id) => {
      const process = this.processes.get(id);
      return process === undefined ? undefined : { host: '127.0.0.1', port: process.port };
    });
  }

  health(groupArn: string, id: string): string {
    return this.plane.targetHealth()[groupArn]?.[id]?.state ?? 'absent';
  }

  async healthy(groupArn: string, ...ids: string[]): Promise<void> {
    await until(`${ids.join(', ')} healthy in ${groupArn}`, () =>
      ids.every((id) => this.health(groupArn, id) === 'healthy'),
    );
  }

  url(path = '/'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }
}

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request over node:http, which leaves path, headers and connection to the test. */
export async function send(
  port: number,
  options: http.RequestOptions & { body?: string } = {},
): Promise<Reply> {
  return await new Promise<Reply>((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    request.on('error', reject);
    request.end(options.body);
  });
}
