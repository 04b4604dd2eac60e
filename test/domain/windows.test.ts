import { describe, expect, it } from 'vitest';
import { windowsSchema, type WindowsConfig } from '../../src/domain/config/windows';
import { windowWarnings } from '../../src/domain/preview/warnings';
import { describeMoment, describeWindows, windowAt } from '../../src/domain/windows';
import { environment, problemsIn } from '../support/config';

function windows(timeZone: string, ...open: [days: string, from: string, to: string][]): WindowsConfig {
  return windowsSchema.parse({
    timeZone,
    open: open.map(([days, from, to]) => ({ days: days.split(' '), from, to })),
  });
}

const WEEK = 'mon tue wed thu fri';

/** `open`, or when it opens next. */
function at(config: WindowsConfig, moment: string): string {
  const state = windowAt(config, Date.parse(moment));
  if (state.kind === 'open') return 'open';
  return state.opensAt === null ? 'never' : new Date(state.opensAt).toISOString().slice(0, 16);
}

describe('windows in which deployments may begin', () => {
  it.each([
    // Friday, 20 November 2026; Paris is an hour ahead of UTC in winter.
    ['2026-11-20T07:59:59Z', '2026-11-20T08:00'],
    ['2026-11-20T08:00:00Z', 'open'],
    ['2026-11-20T15:59:59Z', 'open'],
    ['2026-11-20T16:00:00Z', '2026-11-23T08:00'],
    ['2026-11-21T10:00:00Z', '2026-11-23T08:00'],
    // In summer it is two hours ahead.
    ['2026-07-20T06:59:00Z', '2026-07-20T07:00'],
    ['2026-07-20T07:00:00Z', 'open'],
    ['2026-07-20T15:00:00Z', '2026-07-21T07:00'],
  ])('are asked by the clock of their zone: %s', (moment, expected) => {
    expect(at(windows('Europe/Paris', [WEEK, '09:00', '17:00']), moment)).toBe(expected);
  });

  it.each([
    ['2026-11-21T22:30:00Z', 'open'],
    // The night belongs to the day on which it began.
    ['2026-11-22T01:59:00Z', 'open'],
    ['2026-11-22T02:00:00Z', '2026-11-28T22:00'],
    ['2026-11-20T23:00:00Z', '2026-11-21T22:00'],
  ])('go over midnight: %s', (moment, expected) => {
    expect(at(windows('UTC', ['sat', '22:00', '02:00']), moment)).toBe(expected);
  });

  it('are open all day and night where they close when they open, or at 24:00', () => {
    for (const config of [
      windows('UTC', ['sat', '00:00', '24:00']),
      windows('UTC', ['sat', '00:00', '00:00']),
    ]) {
      expect(at(config, '2026-11-21T00:00:00Z')).toBe('open');
      expect(at(config, '2026-11-21T23:59:59Z')).toBe('open');
      expect(at(config, '2026-11-22T00:00:00Z')).toBe('2026-11-28T00:00');
    }
  });

  it.each([
    // The clock leaps from 02:00 to 03:00 (01:00 UTC): what is left of the window begins at once.
    ['2026-03-29T00:59:00Z', '2026-03-29T01:00', '02:30', '04:00'],
    ['2026-03-29T01:00:00Z', 'open', '02:30', '04:00'],
    // A window that is leapt over opens a week later, an hour earlier in UTC.
    ['2026-03-29T00:30:00Z', '2026-04-05T00:10', '02:10', '02:50'],
    // The clock goes back from 03:00 to 02:00 (01:00 UTC), and shows the window twice.
    ['2026-10-25T00:30:00Z', 'open', '02:15', '02:45'],
    ['2026-10-25T01:00:00Z', '2026-10-25T01:15', '02:15', '02:45'],
    ['2026-10-25T01:30:00Z', 'open', '02:15', '02:45'],
  ])('are what the clock shows on the day it is changed: %s', (moment, expected, from, to) => {
    expect(at(windows('Europe/Paris', ['sun', from, to]), moment)).toBe(expected);
  });

  it('are the sum of their hours, on every day unless days are given', () => {
    const config = windowsSchema.parse({ timeZone: 'UTC', open: [{ from: '09:00', to: '10:00' }] });
    expect(at(config, '2026-11-21T10:00:00Z')).toBe('2026-11-22T09:00');
    const two = windows('UTC', ['mon', '09:00', '10:00'], ['mon tue', '14:00', '15:00']);
    expect(at(two, '2026-11-23T10:00:00Z')).toBe('2026-11-23T14:00');
    expect(describeWindows(two)).toBe('mon 09:00–10:00; mon, tue 14:00–15:00 (UTC)');
    expect(describeWindows(config)).toBe('every day 09:00–10:00 (UTC)');
  });

  it('are told by the clock there and by UTC', () => {
    expect(describeMoment(Date.parse('2026-11-23T08:00:00Z'), 'Europe/Paris')).toBe(
      'Mon 2026-11-23 09:00 Europe/Paris (2026-11-23T08:00:00.000Z)',
    );
  });

  it('are told of in a preview while they are closed', () => {
    const config = windows('UTC', ['mon', '09:00', '10:00']);
    expect(windowWarnings(config, Date.parse('2026-11-23T09:30:00Z'))).toEqual([]);
    expect(windowWarnings(null, 0)).toEqual([]);
    expect(windowWarnings(config, Date.parse('2026-11-23T10:00:00Z'))).toMatchObject([
      { code: 'window', message: expect.stringContaining('opens Mon 2026-11-30 09:00 UTC') as string },
    ]);
  });

  it.each([
    ['Europe/Pariss', '09:00', '17:00', 'windows.timeZone'],
    ['+01:00', '09:00', '17:00', 'windows.timeZone'],
    ['UTC', '9:00', '17:00', 'windows.open[0].from'],
    ['UTC', '24:00', '17:00', 'windows.open[0].from'],
    ['UTC', '09:00', '25:00', 'windows.open[0].to'],
  ])('are checked before anything is touched: %s %s–%s', (timeZone, from, to, path) => {
    const edited = environment((config) => (config['windows'] = { timeZone, open: [{ from, to }] }));
    expect(problemsIn('production', edited).map(({ where }) => where)).toEqual([path]);
  });
});
