import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorAnswer } from './answers';
import { Exchange, sendAnswer, type ExchangeContext } from './exchange';
import { sourceIpOf } from './headers';
import type { Listener } from './listener';
import type { Metrics } from './metrics';
import { decide, factsOf, type Decision } from './router';
import type { TargetGroup } from './target-group';
import { answerOnSocket, Upgrade } from './upgrade';

/** What requests are handled with. */
export interface HandlerWorld {
  readonly groups: ReadonlyMap<string, TargetGroup>;
  readonly metrics: Metrics;
  now(): number;
  log(line: string): void;
}

/** Decides each request of every listener and sets it going. */
export class RequestHandler {
  constructor(private readonly world: HandlerWorld) {}

  connection(listener: Listener): void {
    this.world.metrics.clientConnected(listener.loadBalancerArn);
  }

  request(listener: Listener, request: IncomingMessage, response: ServerResponse): void {
    try {
      const decision = this.decide(listener, request);
      if (decision.kind === 'answer') {
        this.count(listener, decision);
        return sendAnswer(response, decision.answer, listener.closing ? ['Connection', 'close'] : []);
      }
      new Exchange(request, response, this.context(listener, request, decision)).start();
    } catch (error) {
      // A request that Node cannot hand on must not take the other ones' load balancer down.
      this.world.log(`load balancer: ${request.method} ${request.url} failed: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else sendAnswer(response, errorAnswer(500), ['Connection', 'close']);
    }
  }

  upgrade(listener: Listener, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      const decision = this.decide(listener, request);
      if (decision.kind === 'answer') {
        this.count(listener, decision);
        return answerOnSocket(socket, decision.answer);
      }
      new Upgrade(request, socket, head, this.context(listener, request, decision)).start();
    } catch (error) {
      this.world.log(`load balancer: upgrade of ${request.url} failed: ${String(error)}`);
      socket.destroy();
    }
  }

  private decide(listener: Listener, request: IncomingMessage): Decision {
    const facts = factsOf(request, sourceIpOf(request));
    return decide(listener, facts, request.headers.cookie, this.world.groups, this.world.now());
  }

  private count(listener: Listener, decision: Extract<Decision, { kind: 'answer' }>): void {
    if (decision.answer.status < 500) return;
    this.world.metrics.counter(listener.loadBalancerArn, decision.targetGroupArn).elb5xx += 1;
  }

  private context(
    listener: Listener,
    request: IncomingMessage,
    decision: Extract<Decision, { kind: 'forward' }>,
  ): ExchangeContext {
    return {
      loadBalancerArn: listener.loadBalancerArn,
      arrival: {
        sourceIp: sourceIpOf(request),
        protocol: listener.protocol.toLowerCase(),
        port: listener.port,
        at: this.world.now(),
      },
      idleTimeoutSeconds: listener.idleTimeoutSeconds,
      target: decision.target,
      cookies: decision.cookies,
      counter: this.world.metrics.counter(listener.loadBalancerArn, decision.group.arn),
      lastOnConnection: () => listener.closing,
    };
  }
}
