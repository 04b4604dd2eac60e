import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { numberedSince, orphansAmong, processOf, signal, updateProcesses } from './engine-processes';
import {
  gravest,
  holderText,
  judge,
  lockHolders,
  silenceNeeded,
  type LockHolder,
  type Verdict,
} from './stack-lock';
import type { StackState } from './stack-state';

/** How long the holders of a stack's lock are borne with. */
export interface Patience {
  /** An engine that outlived its driver may finish what it has begun; then it is interrupted, then killed. */
  outlivedSeconds: number;
  /** Between the interruption and the kill. */
  graceSeconds: number;
  /** Somebody else's update, before the operation is refused. */
  othersSeconds: number;
  /** Another machine's update counts as abandoned when it changed nothing for so long. */
  silenceSeconds: number;
}

export const PATIENCE: Patience = {
  outlivedSeconds: 1200,
  graceSeconds: 60,
  othersSeconds: 60,
  silenceSeconds: 120,
};

export interface LockedStack {
  name: string;
  note(text: string): void;
  state(): Promise<StackState>;
  cancel(): Promise<void>;
}

/** What came of waiting: try again, or leave the stack to its holder. */
export type Waited = 'try-again' | 'held';

/** Deals with a locked stack; one instance for one operation, since it remembers what it has seen. */
export class LockWait {
  private readonly began = Date.now();
  private seen: { fingerprint: string; since: number } | undefined;
  private readonly said = new Set<string>();

  constructor(
    private readonly stack: LockedStack,
    private readonly patience: Patience,
  ) {}

  /** `refusal` is what the engine said when it found the stack locked. */
  async after(refusal: string): Promise<Waited> {
    const holders = lockHolders(refusal);
    const verdicts = await Promise.all(holders.map((holder) => this.judged(holder)));
    const who = holders.map(holderText).join(', ');
    const verdict = gravest(verdicts);
    switch (verdict) {
      case undefined:
        return this.bear(`another update, which the backend does not name`);
      case 'by-hand':
        return this.bear(who);
      case 'outlived':
        return this.letFinish(holders.filter((_, index) => verdicts[index] === 'outlived'));
      case 'elsewhere':
        return this.watch(who);
      case 'gone':
        return this.take(`${who}, whose process is gone`);
    }
  }

  private async judged(holder: LockHolder): Promise<Verdict> {
    const [process, since] = await Promise.all([processOf(holder.pid), numberedSince()]);
    return judge(this.stack.name, holder, { host: os.hostname(), numberedSince: since, process });
  }

  /** Somebody else's update at work: never ended, only waited for. */
  private async bear(who: string): Promise<Waited> {
    this.say(
      `The stack ${this.stack.name} is locked by ${who}: waiting up to ${this.patience.othersSeconds} s.`,
    );
    if (this.waited() >= this.patience.othersSeconds) return 'held';
    await delay(Math.min(2000, this.patience.othersSeconds * 250));
    return 'try-again';
  }

  /** Ours, without a driver: it finishes what is in flight and then ends by itself. */
  private async letFinish(holders: LockHolder[]): Promise<Waited> {
    const { outlivedSeconds, graceSeconds } = this.patience;
    for (const holder of holders) {
      this.say(
        `The stack ${this.stack.name} is still being updated by an engine whose driver is gone, ` +
          `${holderText(holder)}: waiting up to ${outlivedSeconds} s for it to end.`,
      );
      if (await ended(holder.pid, outlivedSeconds)) continue;
      this.say(`It did not end in time and is interrupted (pid ${holder.pid}).`);
      signal(holder.pid, 'SIGINT');
      if (await ended(holder.pid, graceSeconds)) continue;
      signal(holder.pid, 'SIGKILL');
      await ended(holder.pid, graceSeconds);
    }
    return 'try-again';
  }

  /** Another machine cannot be asked what runs there; what it does shows in the stack's state. */
  private async watch(who: string): Promise<Waited> {
    const state = await this.stack.state();
    const fingerprint = `${who} ${JSON.stringify(state)}`;
    const now = Date.now();
    if (this.seen?.fingerprint !== fingerprint) this.seen = { fingerprint, since: now };
    const needed = silenceNeeded(state, this.patience.silenceSeconds);
    const silent = (now - this.seen.since) / 1000;
    if (silent >= needed) return this.take(`${who}, silent for ${Math.floor(silent)} s`);
    if (this.waited() >= Math.max(this.patience.outlivedSeconds, 2 * needed)) return 'held';
    this.say(
      `The stack ${this.stack.name} is locked from another machine by ${who}: ` +
        `abandoned, if nothing changes for ${Math.ceil(needed)} s.`,
    );
    await delay(Math.min(5000, needed * 250, Math.max(needed - silent, 0.05) * 1000));
    return 'try-again';
  }

  private async take(whose: string): Promise<Waited> {
    const orphans = await endOrphans(this.stack.name);
    await this.stack.cancel();
    const ended = orphans === 0 ? '' : `; ${orphans} orphaned plugin process(es) ended`;
    this.stack.note(`The lock of the stack ${this.stack.name} was removed: it was left by ${whose}${ended}.`);
    return 'try-again';
  }

  private waited(): number {
    return (Date.now() - this.began) / 1000;
  }

  private say(text: string): void {
    if (this.said.has(text)) return;
    this.said.add(text);
    this.stack.note(text);
  }
}

async function ended(pid: number, seconds: number): Promise<boolean> {
  const before = await processOf(pid);
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const now = await processOf(pid);
    if (now === undefined || now.startedAt !== before?.startedAt) return true;
    if (Date.now() >= deadline) return false;
    await delay(200);
  }
}

/**
 * Ends plugins whose engine is gone, and waits until they have: one of them may be about to create what
 * nothing would record. Gives their number.
 */
export async function endOrphans(stack: string): Promise<number> {
  const orphans = orphansAmong(await updateProcesses(stack));
  for (const { pid } of orphans) signal(pid, 'SIGKILL');
  for (const { pid } of orphans) await ended(pid, 10);
  return orphans.length;
}
