import { belongsTo, hasDriver, type UpdateProcess } from './engine-processes';
import { pendingOf, type StackState } from './stack-state';

/** Who holds a stack's lock, as Pulumi says it. */
export interface LockHolder {
  user: string;
  host: string;
  pid: number;
  /** Unix milliseconds. */
  since: number;
}

const HOLDER = /created by (.*)@(\S+) \(pid (\d+)\) at (\S+)/g;

/** The backends' own words: a file or bucket, and Pulumi Cloud. */
const LOCKED = /the stack is currently locked by|another update is currently in progress/i;

export function saysLocked(text: string): boolean {
  return LOCKED.test(text);
}

/** The holders that the engine's message names; none on a backend that keeps them to itself. */
export function lockHolders(text: string): LockHolder[] {
  return [...text.matchAll(HOLDER)].map(([, user = '', host = '', pid, at]) => ({
    user,
    host,
    pid: Number(pid),
    since: Date.parse(at ?? ''),
  }));
}

export function holderText({ user, host, pid, since }: LockHolder): string {
  return `${user}@${host} (pid ${pid}, since ${new Date(since).toISOString()})`;
}

/** What is known on this machine of the process that a lock names. */
export interface Here {
  host: string;
  /** Since when process numbers mean what they mean now, in Unix milliseconds. */
  numberedSince: number;
  /** The living process with the holder's number. */
  process: UpdateProcess | undefined;
}

/**
 * What has become of a lock's holder:
 * - `gone`: its process ended without releasing the lock;
 * - `outlived`: an engine of Bascule's that lives although its driver does not;
 * - `by-hand`: somebody else's update on this machine is at work;
 * - `elsewhere`: another machine's, which cannot be asked.
 */
export type Verdict = 'gone' | 'outlived' | 'by-hand' | 'elsewhere';

/** A lock's time is cut to the second, and a process's start is known to about one. */
const CLOCK_MILLISECONDS = 3000;

export function judge(stack: string, holder: LockHolder, here: Here): Verdict {
  // A machine that started after the lock was made may be another one of the same name.
  if (holder.host !== here.host || !(holder.since >= here.numberedSince)) return 'elsewhere';
  // An engine locks after it starts: what started later only has its number.
  if (here.process === undefined || here.process.startedAt > holder.since + CLOCK_MILLISECONDS) return 'gone';
  return belongsTo(stack, here.process) && !hasDriver(here.process) ? 'outlived' : 'by-hand';
}

/** The one that decides where there are several: nobody's lock is taken while one of them may be at work. */
export function gravest(verdicts: readonly Verdict[]): Verdict | undefined {
  return (['by-hand', 'outlived', 'elsewhere', 'gone'] as const).find((one) => verdicts.includes(one));
}

/** Seconds for which a provider may be busy with one create without a change of the stack's state. */
const BUSY_SECONDS: Readonly<Record<string, number>> = {
  // Their default time-outs for a create (documentation of the provider's resources aws_lb and aws_nat_gateway).
  'aws:lb/loadBalancer:LoadBalancer': 600,
  'aws:ec2/natGateway:NatGateway': 600,
};

const TIMEOUTS = { creating: 'create', updating: 'update', deleting: 'delete' } as const;

/** How long another machine's update must change nothing to count as abandoned, with what it was last at. */
export function silenceNeeded(state: StackState, atLeast: number): number {
  const busy = pendingOf(state).map(({ type, resource }) => {
    const timeout = TIMEOUTS[type as keyof typeof TIMEOUTS];
    return resource.customTimeouts?.[timeout] ?? BUSY_SECONDS[resource.type] ?? 0;
  });
  return Math.max(atLeast, ...busy);
}
