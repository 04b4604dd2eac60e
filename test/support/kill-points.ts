/** Where a deployment can be killed: read off a recording of its writes, never listed by hand. Pure. */
import { createHash } from 'node:crypto';
import type { Colour } from '../../src/domain/colour';
import type { AwsCall } from './aws-proxy';

/**
 * Who dies. `machine` is the engine's plugins too: then a write that had not left them never takes effect, while
 * a plugin that outlives the engine finishes what it was told.
 */
export type Victim = 'driver' | 'driver+engine' | 'machine';
/** Before a write takes effect, or when it has and nobody was told. */
export type Moment = 'before' | 'after';

/** One write of a recorded run. */
export interface Write {
  /** The same in each run of the same story. */
  label: string;
  /** The how-manieth with this label, from 1. */
  occurrence: number;
  /** Whether an engine ran while it was made. */
  engine: boolean;
  /** Whether the engine's plugin may have made it, and not the driver or the engine itself. */
  plugin: boolean;
}

export interface KillPoint {
  label: string;
  occurrence: number;
  moment: Moment;
  victim: Victim;
}

/** Names a point: `journal started shift#1:before:driver`. */
export function pointName({ label, occurrence, moment, victim }: KillPoint): string {
  return `${label}#${occurrence}:${moment}:${victim}`;
}

/** The point of a name. */
export function pointOf(name: string): KillPoint {
  const [, label = '', occurrence, moment, victim] = /^(.*)#(\d+):(\w+):(.*)$/.exec(name) ?? [];
  return { label, occurrence: Number(occurrence), moment: moment as Moment, victim: victim as Victim };
}

export const nameOfWrite = (write: Pick<Write, 'label' | 'occurrence'>): string =>
  `${write.label}#${write.occurrence}`;

/** Gives the writes of one run their names, in the order in which they arrive. */
export class WriteNames {
  private readonly counts = new Map<string, number>();
  private readonly fences = new Set<number>();

  /** @param live the colour that was live when the run began; colours change places from run to run */
  constructor(private readonly live: Colour) {}

  next(call: AwsCall): Pick<Write, 'label' | 'occurrence'> {
    const label = this.labelOf(call);
    const occurrence = (this.counts.get(label) ?? 0) + 1;
    this.counts.set(label, occurrence);
    return { label, occurrence };
  }

  private labelOf(call: AwsCall): string {
    const key = /^s3:PutObject (environments\/\S+)$/.exec(call.label)?.[1];
    if (key?.includes('/deployments/') === true) return `journal ${recordName(call.body)}`;
    if (key?.endsWith('/lease.json') === true) return this.leaseLabel(call.body);
    return call.label.replace(/\b(blue|green)\b/g, (colour) => (colour === this.live ? 'live' : 'idle'));
  }

  /** A heartbeat comes when it is time, and not in each run: it must not be counted with the others. */
  private leaseLabel(body: string): string {
    const lease = JSON.parse(body) as { fence: number; released: boolean };
    if (lease.released) return 'lease release';
    if (this.fences.has(lease.fence)) return 'lease renewal';
    this.fences.add(lease.fence);
    return 'lease acquire';
  }
}

/** `started shift`: the kind of record, and of step where it is about one. */
function recordName(body: string): string {
  const record = JSON.parse(body) as { kind: string; step?: string | null };
  const step = record.step?.split(':')[0];
  return step === undefined ? record.kind : `${record.kind} ${step}`;
}

/** Whether a write comes in every run; what the clock brings about does not. */
const comesAlways = ({ label }: Write): boolean =>
  label !== 'lease renewal' && !label.startsWith('journal assessed');

/** Every write, before and after, with each set of processes that can die apart from the others at that time. */
export function pointsOf(writes: readonly Write[]): KillPoint[] {
  return writes.filter(comesAlways).flatMap((write) =>
    (['before', 'after'] as const).flatMap((moment) =>
      victimsOf(write).map((victim) => ({
        label: write.label,
        occurrence: write.occurrence,
        moment,
        victim,
      })),
    ),
  );
}

function victimsOf(write: Write): Victim[] {
  if (!write.engine) return ['driver'];
  return write.plugin ? ['driver', 'driver+engine', 'machine'] : ['driver', 'driver+engine'];
}

/** What is one kind of write: the same call on the same kind of thing, wherever in the story it comes. */
function kindOf({ label }: Pick<Write, 'label'>): string {
  if (label.startsWith('journal ')) return label.split(' ').slice(0, 2).join(' ');
  // Written beside the state that counts, and read by nobody.
  if (/ \.pulumi\/(history|backups)\/|\.bak$/.test(label)) return 'history and copies of Pulumi';
  const [action = '', subject = ''] = label.split(' ');
  if (!action.startsWith('s3:')) return action;
  return `${action} ${subject.split('/').slice(0, 2).join('/')} ${/\.\w+$/.exec(subject)?.[0] ?? ''}`;
}

/**
 * A part that stands for the whole: each kind of write once, in the middle of where it comes, going by turns
 * through the moments and the victims. Kinds that are covered are left out; those that are taken are added to them.
 */
export function representative(writes: readonly Write[], covered: Set<string> = new Set()): KillPoint[] {
  const kinds = new Map<string, Write[]>();
  for (const write of writes.filter(comesAlways))
    kinds.set(kindOf(write), [...(kinds.get(kindOf(write)) ?? []), write]);
  const turns = new Map<number, number>();
  return [...kinds].flatMap(([kind, alike]) => {
    if (covered.has(kind)) return [];
    covered.add(kind);
    const points = pointsOf(alike.slice(Math.floor(alike.length / 2)).slice(0, 1));
    const turn = turns.get(points.length) ?? 0;
    turns.set(points.length, turn + 1);
    // With one victim the moments alternate; with several an odd stride goes through all pairs.
    return points.slice((turn * STRIDE) % points.length).slice(0, 1);
  });
}

/** A few writes at even distances from the first to the last, going by turns through the moments and the victims. */
export function spread(writes: readonly Write[], count: number): KillPoint[] {
  const regular = writes.filter(comesAlways);
  return Array.from({ length: count }, (_, turn) => {
    const points = pointsOf(regular.slice(Math.floor(((turn + 0.5) * regular.length) / count)).slice(0, 1));
    return points.slice((turn * STRIDE) % points.length).slice(0, 1);
  }).flat();
}

/** Has no divisor in common with the numbers of pairs: 2, 4 and 6. */
const STRIDE = 5;

export type WayOn = 'resume' | 'abort';

/** A number that a name always has, whatever else was recorded. */
const hashOf = (name: string): number => createHash('sha256').update(name).digest().readUInt32BE(0);

/** How a case goes on: by its name, so that each kind of point meets both and a case repeated alone does the same. */
export function wayOnOf(point: KillPoint): WayOn {
  return hashOf(`way on of ${pointName(point)}`) % 2 === 0 ? 'resume' : 'abort';
}

/** The cases of one shard, `2/4` being the second of four; by their names, as each shard makes its own recording. */
export function shardOf(points: readonly KillPoint[], shard: string | undefined): KillPoint[] {
  const [, number = '0', of = '0'] = /^(\d+)\/(\d+)$/.exec(shard ?? '1/1') ?? [];
  if (Number(number) < 1 || Number(number) > Number(of)) throw new Error(`no such shard: ${shard}`);
  return points.filter((point) => hashOf(pointName(point)) % Number(of) === Number(number) - 1);
}
