import { z } from 'zod';
import { holderShape } from './record-shape';
import type { Holder } from './records';

/** How long a lease lasts without a heartbeat; longer than clocks of two machines differ, with NTP by far. */
export const LEASE_MILLISECONDS = 60_000;

/** Who works on an environment, or did so last. */
export interface LeaseState {
  holder: Holder;
  deployment: string;
  /** Rises with each new holder. */
  fence: number;
  /** Unix milliseconds. */
  acquiredAt: number;
  expiresAt: number;
  released: boolean;
}

/** What can be seen from here of the process that holds a lease. */
export type Sight =
  /** It runs on this machine. */
  | 'running'
  /** It ran on this machine and does no longer. */
  | 'gone'
  /** It ran on another machine, or nothing tells it apart from another one. */
  | 'unknown';

/** Whether anybody works on the environment. */
export type Standing =
  | { kind: 'free' }
  /** Nobody does any more, and this proves it. */
  | { kind: 'abandoned'; proof: string }
  | { kind: 'held' };

const leaseShape = z.looseObject({
  holder: holderShape,
  deployment: z.string(),
  fence: z.int().nonnegative(),
  acquiredAt: z.number(),
  expiresAt: z.number(),
  released: z.boolean(),
});

/** Reads a lease; undefined when the text is none. */
export function shapeOfLease(text: string): LeaseState | undefined {
  try {
    const found = leaseShape.safeParse(JSON.parse(text));
    return found.success ? found.data : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a lease is held, by its own times and by what is seen of its holder's process. Pure. */
export function standingOf(lease: LeaseState | undefined, now: number, sight: Sight): Standing {
  if (lease === undefined || lease.released) return { kind: 'free' };
  const { holder } = lease;
  if (sight === 'gone')
    return {
      kind: 'abandoned',
      proof: `process ${holder.pid} on ${holder.host}, which held it, does not run any more`,
    };
  if (lease.expiresAt <= now)
    return {
      kind: 'abandoned',
      proof: `its lease expired at ${timeOf(lease.expiresAt)} and was not renewed`,
    };
  return { kind: 'held' };
}

/** What would prove that the holder is gone, for a person who has to wait for it. */
export function proofsWanted(lease: LeaseState, sight: Sight): string[] {
  const { host, pid } = lease.holder;
  return [
    `it is gone when its lease is not renewed until ${timeOf(lease.expiresAt)}`,
    sight === 'running'
      ? `or when process ${pid} ends, which runs on this machine`
      : `or when, seen from ${host}, process ${pid} does not run any more`,
  ];
}

export function describeHolder(holder: Holder): string {
  return `${holder.user} on ${holder.host} (process ${holder.pid})`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
