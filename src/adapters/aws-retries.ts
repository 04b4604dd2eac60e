/** How long and how often one call is tried, whatever goes wrong with it. */
export interface CallLimits {
  attempts: number;
  /** From the first attempt to the beginning of the last. */
  totalMilliseconds: number;
  /** Of one attempt, until its answer begins. */
  attemptMilliseconds: number;
}

/** A burst of throttling or an outage of some twenty seconds is borne; what lasts longer is the driver's to decide. */
export const CALL_LIMITS: CallLimits = {
  attempts: 10,
  totalMilliseconds: 45_000,
  attemptMilliseconds: 15_000,
};

/** What the SDK takes as final and is over in a moment: AWS is busy with another change of the same thing. */
const BUSY =
  /^(OperationAborted|ConditionalRequestConflict|ResourceContention(Fault)?|ScalingActivityInProgress(Fault)?)$/;

export function isBusy(name: string): boolean {
  return BUSY.test(name);
}

interface RetryFacts {
  errorType: 'TRANSIENT' | 'THROTTLING' | 'SERVER_ERROR' | 'CLIENT_ERROR';
  error?: unknown;
  retryAfterHint?: Date;
}

class Attempt {
  constructor(
    readonly beganAt: number,
    private readonly retries = 0,
    private readonly wait = 0,
  ) {}

  getRetryCount(): number {
    return this.retries;
  }

  /** What the SDK waits before it tries again. */
  getRetryDelay(): number {
    return this.wait;
  }
}

/**
 * When a failed attempt is made again: exponential back-off with full jitter, as the SDK's own strategy. That one
 * is not used, because it stops after some 35 retries of all calls together: a shift of a hundred rules would
 * fail in the first second of an outage.
 */
export class BoundedRetries {
  constructor(
    private readonly limits: CallLimits,
    private readonly random: () => number = Math.random,
    private readonly now: () => number = () => performance.now(),
  ) {}

  acquireInitialRetryToken(): Promise<Attempt> {
    return Promise.resolve(new Attempt(this.now()));
  }

  refreshRetryTokenForRetry(attempt: { getRetryCount(): number }, facts: RetryFacts): Promise<Attempt> {
    const beganAt = attempt instanceof Attempt ? attempt.beganAt : this.now();
    const retries = attempt.getRetryCount();
    const wait = this.wait(retries, facts);
    const inTime = this.now() + wait - beganAt <= this.limits.totalMilliseconds;
    if (!isPassing(facts) || retries + 1 >= this.limits.attempts || !inTime)
      // What the SDK expects of a strategy that gives up; it throws the attempt's own error then.
      return Promise.reject(new Error('no further attempt'));
    return Promise.resolve(new Attempt(beganAt, retries + 1, wait));
  }

  recordSuccess(): void {
    // Nothing is remembered from one call to the next; the rate is the token bucket's.
  }

  private wait(retries: number, { errorType, retryAfterHint }: RetryFacts): number {
    const [base, most] = errorType === 'THROTTLING' ? [500, 8_000] : [100, 4_000];
    const backOff = this.random() * Math.min(most, base * 2 ** retries);
    const hint = retryAfterHint === undefined ? 0 : retryAfterHint.getTime() - Date.now();
    return Math.max(backOff, Math.min(hint, most));
  }
}

function isPassing({ errorType, error }: RetryFacts): boolean {
  return errorType !== 'CLIENT_ERROR' || isBusy((error as Error | undefined)?.name ?? '');
}
