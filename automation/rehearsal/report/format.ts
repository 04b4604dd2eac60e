const GROUPED = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** A whole number with its thousands apart: 61,204. */
export function count(value: number): string {
  return GROUPED.format(value);
}

/** A count with its noun: `1 request`, `61,204 requests`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A duration in the unit that suits it: `0.4 ms`, `38 ms`, `5.2 s`, `3 min 12 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 9.95) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** A time since the start of the load: `1:02.3`; before it, with a minus sign. */
export function clock(milliseconds: number): string {
  const tenths = Math.round(Math.abs(milliseconds) / 100);
  const minutes = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  return `${milliseconds < 0 && tenths > 0 ? '−' : ''}${minutes}:${rest}`;
}

/** A date and time in UTC: `21 November 2026, 06:15:02 UTC`. */
export function dateTime(unixMilliseconds: number): string {
  const date = new Date(unixMilliseconds);
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(date);
  return `${day}, ${date.toISOString().slice(11, 19)} UTC`;
}
