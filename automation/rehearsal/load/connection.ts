import {
  type AutocannonClient,
  asAutocannonClient,
  endsWithConnection,
  headerOf,
  type ResponseHead,
} from './client';
import type { Pace } from './pace';
import type { OpenRequest, Tally } from './tally';
import type { RequestKind, ResolvedLoadOptions } from './types';
import { TARGET_HEADER } from './versions';

export interface ConnectionPlan {
  kind: RequestKind;
  path: string;
  failOn: ResolvedLoadOptions['failOn'];
  timeoutSeconds: number;
  pace: Pace;
  tally: Tally;
  /** Unix milliseconds, monotonic. */
  now: () => number;
  /** Called each time nothing is in flight any more after `stop`. */
  idle: () => void;
}

/**
 * Makes one autocannon client count truthfully and keep its beat.
 *
 * Left to itself, autocannon 9 (1) forgets a request whose connection the server ends: its `end` handler
 * connects again and says nothing; (2) then reads the next response with the parser still inside the cut
 * one; (3) gives no `response` event when `reconnectRate` renews the connection; (4) writes the next request
 * on a connection that the server said it closes; (5) connects again without pause when refused; and
 * (6) sends a second's requests at its beginning. So every way in and out of a request is watched here.
 */
export class CountedConnection {
  private readonly client: AutocannonClient;
  private readonly original: Pick<AutocannonClient, '_connect' | '_doRequest' | '_destroyConnection'>;
  private request: OpenRequest | null = null;
  private head: ResponseHead | null = null;
  private responsesOnConnection = 0;
  private mayReuse = true;
  private lostBecause: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;

  constructor(
    client: unknown,
    private readonly plan: ConnectionPlan,
  ) {
    this.client = asAutocannonClient(client);
    this.original = {
      _connect: this.client._connect.bind(this.client),
      _doRequest: this.client._doRequest.bind(this.client),
      _destroyConnection: this.client._destroyConnection.bind(this.client),
    };
    this.listen();
    this.override();
  }

  get busy(): boolean {
    return this.request !== null;
  }

  /** Sends nothing more; a request in flight goes on to its end. */
  stop(): void {
    this.stopping = true;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private listen(): void {
    const { client } = this;
    client.on('request', () => this.begin());
    client.on('headers', (head: ResponseHead) => this.receiveHead(head));
    client.on('response', () => this.complete());
    client.on('connError', (error: NodeJS.ErrnoException) => {
      this.lostBecause = `connection failed: ${error.code ?? error.message}`;
    });
  }

  private override(): void {
    const { client } = this;
    const execute = client.parser.execute.bind(client.parser);
    client._connect = () => this.reconnect();
    client._doRequest = () => this.next();
    client._destroyConnection = () => {
      // Apart from the end of the run, autocannon itself comes here only when its timer ran out.
      this.lostBecause = `no complete response within ${this.plan.timeoutSeconds} s`;
      this.dropConnection();
    };
    client._resetConnection = () => {
      this.complete();
      this.reconnect();
    };
    client.parser.execute = (chunk) => {
      // Bytes that answer nothing (a 408 on an idle connection, say) would end a request never made.
      if (this.request === null) return chunk.length;
      const outcome = execute(chunk);
      if (outcome instanceof Error) this.abandon(`malformed response: ${outcome.message}`);
      return outcome;
    };
  }

  private begin(): void {
    const { kind, path, tally, now } = this.plan;
    this.head = null;
    this.request = { kind, path, startedAt: now(), reusedConnection: this.responsesOnConnection > 0 };
    tally.begin(this.request);
  }

  private receiveHead(head: ResponseHead): void {
    this.head = head;
    // Read now: the parser begins a new record when the message is complete.
    this.mayReuse = head.shouldKeepAlive;
  }

  /** The response is complete: its status decides. */
  private complete(): void {
    const status = this.head?.statusCode ?? 0;
    const { failOn } = this.plan;
    const failed = failOn === 'server-error' ? status >= 500 : status < 200 || status >= 400;
    this.responsesOnConnection++;
    this.finish(failed ? `status ${status}` : null);
  }

  private finish(reason: string | null): void {
    const { request, head } = this;
    if (request === null) return;
    this.request = null;
    this.plan.tally.end(request, {
      at: this.plan.now(),
      reason,
      status: head?.statusCode ?? null,
      target: head ? headerOf(head, TARGET_HEADER) : null,
    });
    if (this.stopping) this.plan.idle();
  }

  /** The connection is gone; a request that was on it has its end here. */
  private settleLost(): void {
    const { head } = this;
    if (this.request === null) return;
    if (this.lostBecause !== null) return this.finish(this.lostBecause);
    if (head && endsWithConnection(head)) return this.complete();
    this.finish(
      head ? 'connection closed before the response was complete' : 'connection closed before any response',
    );
  }

  private abandon(reason: string): void {
    this.finish(reason);
    this.reconnect();
  }

  private dropConnection(): void {
    if (this.client.conn) this.original._destroyConnection();
  }

  /** Replaces the connection at the next beat, so that a refused one is not tried again without pause. */
  private reconnect(): void {
    this.settleLost();
    this.dropConnection();
    this.client.parser.reinitialize(this.client.parser.type);
    this.schedule(() => this.connectAndSend());
  }

  private connectAndSend(): void {
    this.responsesOnConnection = 0;
    this.mayReuse = true;
    this.lostBecause = null;
    // autocannon's _connect calls _doRequest itself, and the beat for it has been waited for already.
    this.client._doRequest = () => undefined;
    this.original._connect();
    this.client._doRequest = () => this.next();
    this.send();
  }

  private next(): void {
    if (!this.mayReuse) return this.reconnect();
    this.schedule(() => this.send());
  }

  private send(): void {
    this.plan.pace.took(this.plan.now());
    this.original._doRequest();
  }

  private schedule(action: () => void): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.stopping) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      action();
    }, this.plan.pace.wait(this.plan.now()));
  }
}
