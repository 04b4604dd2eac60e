import { BasculeError } from '../../src/domain/errors';
import { describeMoment, describeWindows, windowAt } from '../../src/domain/windows';
import type { Session } from './session';

/**
 * Lets a deployment begin while a window is open, or past a closed one for a reason.
 * @returns the reason, where a closed window was overridden
 * @throws BasculeError BASCULE_OUTSIDE_WINDOW (exit code 2), before anything is begun.
 */
export function requireWindow(
  { environment, windows, world }: Session,
  command: 'deploy' | 'promote',
  reason: string | undefined,
): string | undefined {
  if (windows === null) return undefined;
  const now = world.clock.now();
  const state = windowAt(windows, now);
  if (state.kind === 'open') return undefined;
  if (reason !== undefined) return reason;
  const opens =
    state.opensAt === null
      ? 'none opens soon'
      : `the next one opens ${describeMoment(state.opensAt, windows.timeZone)}`;
  throw new BasculeError({
    code: 'BASCULE_OUTSIDE_WINDOW',
    message: `No deployment of ${environment} may begin now, outside its windows; ${opens}.`,
    details: [`now: ${describeMoment(now, windows.timeZone)}`, `windows: ${describeWindows(windows)}`],
    next: `Nothing was begun. Wait until then, or \`bascule ${command} … --override-window "<reason>"\`; the reason is recorded. \`bascule rollback\`, \`abort\` and \`resume\` always pass.`,
  });
}
