/** When deployments may begin, by the clock on the wall of a time zone. Pure. */
import type { OpenHours, Weekday, WindowsConfig } from './config/windows';

export type WindowState =
  | { kind: 'open' } /** Unix milliseconds; null where no opening comes, as far as can be seen. */
  | {
      kind: 'closed';
      opensAt: number | null;
    };

const MINUTE = 60_000;
/** Two weeks and a day: hours that a change of the clock swallows one week are there in the next. */
const HORIZON = 15 * 24 * 60;

interface WallTime {
  day: Weekday;
  /** Minutes since midnight. */
  minute: number;
}

/**
 * Whether deployments may begin at a moment, and when they may next. It is open while the clock on the wall shows a
 * time within: hours that the clock passes twice in autumn are open twice, those it leaps over in spring never.
 */
export function windowAt(windows: WindowsConfig, now: number): WindowState {
  const wall = wallClock(windows.timeZone);
  if (isOpen(windows.open, wall(now))) return { kind: 'open' };
  // Minute by minute: no calculation with days is right in every zone, and only a refusal has to know.
  const next = Math.floor(now / MINUTE) + 1;
  for (let minute = next; minute < next + HORIZON; minute += 1)
    if (isOpen(windows.open, wall(minute * MINUTE))) return { kind: 'closed', opensAt: minute * MINUTE };
  return { kind: 'closed', opensAt: null };
}

/** `Mon 2026-11-23 09:00 Europe/Paris (2026-11-23T08:00:00.000Z)`. */
export function describeMoment(at: number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes): string =>
    parts.find((one) => one.type === type)?.value ?? '';
  const day = `${part('weekday')} ${part('year')}-${part('month')}-${part('day')}`;
  return `${day} ${part('hour')}:${part('minute')} ${timeZone} (${new Date(at).toISOString()})`;
}

/** `mon, tue 09:00–17:00; sat 10:00–12:00 (Europe/Paris)`. */
export function describeWindows({ open, timeZone }: WindowsConfig): string {
  const hours = open.map(({ days, from, to }) => {
    const which = new Set(days).size === 7 ? 'every day' : days.join(', ');
    return `${which} ${from}–${to}`;
  });
  return `${hours.join('; ')} (${timeZone})`;
}

function wallClock(timeZone: string): (at: number) => WallTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (at) => {
    const [, day = '', hour, minute] = /^(\w{3})\D*(\d\d):(\d\d)/.exec(format.format(at)) ?? [];
    return { day: day.toLowerCase() as Weekday, minute: Number(hour) * 60 + Number(minute) };
  };
}

const YESTERDAY: Record<Weekday, Weekday> = {
  mon: 'sun',
  tue: 'mon',
  wed: 'tue',
  thu: 'wed',
  fri: 'thu',
  sat: 'fri',
  sun: 'sat',
};

function isOpen(open: readonly OpenHours[], { day, minute }: WallTime): boolean {
  return open.some(({ days, from, to }) => {
    const [begin, end] = [minutesOf(from), minutesOf(to)];
    if (begin < end) return days.includes(day) && begin <= minute && minute < end;
    return (days.includes(day) && begin <= minute) || (days.includes(YESTERDAY[day]) && minute < end);
  });
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
