import { z } from 'zod';

/** As they stand in files, Monday first (ISO 8601). */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const timeZone = z.string().superRefine((name, context) => {
  if (!isTimeZone(name))
    context.addIssue({
      code: 'custom',
      message: `${name} is not a time zone of the IANA database, such as Europe/Paris or UTC`,
    });
});

/** An offset such as +01:00 would be wrong for half of the year. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const timeOfDay = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, "must be a time such as '09:00', in quotes, '24:00' at most");

const openHours = z
  .strictObject({
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .default([...WEEKDAYS])
      .describe('Days on which it opens. Default: all.'),
    from: timeOfDay.describe('When it opens, as a clock on the wall there shows it.'),
    to: timeOfDay.describe('When it closes; earlier than `from` or the same: on the next day.'),
  })
  .refine(({ from }) => from !== '24:00', { path: ['from'], message: "must be '23:59' at most" });

/** When deployments may begin; `bascule:environment.windows`. */
export const windowsSchema = z
  .strictObject({
    timeZone: timeZone.describe('Time zone of the IANA database; its changes of the clock are honoured.'),
    open: z.array(openHours).min(1).describe('Hours within which a deployment may begin.'),
  })
  .describe(
    'Hours within which `deploy` and `promote` may begin. Rollback, abort and resume always may. Default: always.',
  );

export type WindowsConfig = z.output<typeof windowsSchema>;
export type OpenHours = WindowsConfig['open'][number];
