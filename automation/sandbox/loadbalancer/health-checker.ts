import * as http from 'node:http';
import * as https from 'node:https';
import type { TargetGroupState } from '../contract';
import { assess, INITIAL, type HealthMemory, type HealthObservation } from './health-assessment';
import type { TargetAddress } from './types';

type HealthCheck = TargetGroupState['healthCheck'];

/** Sends one health check and says what came of it. Never rejects. */
export async function observe(
  check: HealthCheck,
  address: TargetAddress,
  signal: AbortSignal,
): Promise<HealthObservation> {
  try {
    return await sendCheck(check, address, signal);
  } catch {
    // A path or port that cannot be requested at all.
    return { kind: 'failed' };
  }
}

async function sendCheck(
  check: HealthCheck,
  address: TargetAddress,
  signal: AbortSignal,
): Promise<HealthObservation> {
  const client = check.protocol === 'HTTPS' ? https : http;
  return await new Promise<HealthObservation>((resolve) => {
    const request = client.request({
      host: address.host,
      port: address.port,
      path: check.path,
      agent: false,
      // As on AWS, where a target's certificate is not verified.
      rejectUnauthorized: false,
      headers: {
        Host: `${address.host}:${address.port}`,
        'User-Agent': 'ELB-HealthChecker/2.0',
        Connection: 'close',
      },
    });
    // The timeout is for the whole answer: a socket timeout would start anew with every byte.
    const timer = setTimeout(() => finish({ kind: 'timeout' }), check.timeoutSeconds * 1000);
    const abort = () => finish({ kind: 'failed' });
    const finish = (observation: HealthObservation) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      request.destroy();
      resolve(observation);
    };
    request.on('response', (response) => finish({ kind: 'answered', status: response.statusCode ?? 0 }));
    request.on('error', () => finish({ kind: 'failed' }));
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    else request.end();
  });
}

/** Checks one registered target at its group's interval, from its registration until it is stopped. */
export class HealthChecker {
  private memory: HealthMemory = INITIAL;
  private timer: NodeJS.Timeout | undefined;
  private running: AbortController | undefined;
  private checkedAddress: string | undefined;
  private stopped = false;

  /**
   * @param check the settings in force at the time of each check
   * @param address where the target listens now; undefined while it has no process
   * @param changed called after the state or the reason changed
   */
  constructor(
    private readonly check: () => HealthCheck,
    private readonly address: () => TargetAddress | undefined,
    private readonly changed: () => void,
  ) {}

  get health(): HealthMemory {
    return this.memory;
  }

  /**
   * Call when the settings or the address may have changed: a target that got an address is checked at
   * once, any other one keeps its rhythm.
   */
  refresh(): void {
    const address = this.address();
    const current = address === undefined ? undefined : `${address.host}:${address.port}`;
    const moved = current !== undefined && current !== this.checkedAddress;
    if (this.stopped || (this.timer !== undefined && !moved)) return;
    this.schedule(moved ? 0 : this.check().intervalSeconds * 1000);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.running?.abort();
  }

  private schedule(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(), milliseconds);
  }

  private async run(): Promise<void> {
    // The next check is due an interval after this one began, as long as this one may take.
    this.schedule(this.check().intervalSeconds * 1000);
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const address = this.address();
    this.checkedAddress = address === undefined ? undefined : `${address.host}:${address.port}`;
    const observation: HealthObservation =
      address === undefined ? { kind: 'failed' } : await observe(this.check(), address, running.signal);
    // A check that was overtaken or stopped says nothing about the target.
    if (running.signal.aborted) return;
    this.remember(assess(this.memory, observation, this.check()));
  }

  private remember(memory: HealthMemory): void {
    const before = this.memory.truth;
    this.memory = memory;
    if (before.state !== memory.truth.state || before.description !== memory.truth.description)
      this.changed();
  }
}
