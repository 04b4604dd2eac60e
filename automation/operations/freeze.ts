import { freezesInForce, type Freeze } from '../../src/domain/environment-log';
import { BasculeError } from '../../src/domain/errors';
import { describeFreeze, passageOf, type FreezeRequest } from '../../src/domain/freeze';
import type { Session } from './session';

/** The freezes in force now. */
export async function readFreezes(session: Session): Promise<Freeze[]> {
  return freezesInForce(await session.log.read(), session.world.clock.now());
}

export interface Frozen {
  freeze: Freeze;
  /** The freeze of the same name that it prolongs. */
  former: Freeze | null;
}

/**
 * Keeps deployments from beginning until a moment. A name that is in force may be given a later end; a nearer
 * one would shorten what somebody else relies on.
 * @throws BasculeError BASCULE_FREEZE_EXISTS (exit code 2).
 */
export async function freeze(session: Session, request: FreezeRequest): Promise<Frozen> {
  const { name, reason, until } = request;
  const former = (await readFreezes(session)).find((one) => one.name === name) ?? null;
  if (former !== null && until < former.until)
    throw new BasculeError({
      code: 'BASCULE_FREEZE_EXISTS',
      message: `${session.environment} is frozen longer under that name already: ${describeFreeze(former)}`,
      next: `Give yours another name with --name, or end that one first: \`bascule thaw ${session.environment} --name ${name}\`. Nothing was changed.`,
    });
  const { at } = await session.log.append({ kind: 'frozen', by: session.holder, name, reason, until });
  return { freeze: { name, reason, until, by: session.holder, at }, former };
}

/**
 * Ends a freeze, or the only one there is.
 * @throws BasculeError BASCULE_FREEZE_UNKNOWN (exit code 2) naming those in force.
 */
export async function thaw(session: Session, name: string | undefined): Promise<Freeze | undefined> {
  const inForce = await readFreezes(session);
  if (inForce.length === 0) return undefined;
  const found = name === undefined ? only(inForce) : inForce.find((one) => one.name === name);
  if (found === undefined)
    throw unknownFreeze(
      session.environment,
      name === undefined
        ? `${session.environment} has ${inForce.length} freezes; say which one ends.`
        : `${session.environment} has no freeze ${name} in force.`,
      inForce,
      'Name one of them with --name.',
    );
  await session.log.append({ kind: 'thawed', by: session.holder, name: found.name });
  return found;
}

function only(inForce: readonly Freeze[]): Freeze | undefined {
  return inForce.length === 1 ? inForce[0] : undefined;
}

/**
 * Lets a deployment go forward when no freeze is in force that is not overridden by its name; `before` are
 * the names overridden when it began, and that moment: a freeze that is younger is another one.
 * @returns the names of those that are overridden now
 * @throws BasculeError BASCULE_FROZEN or BASCULE_FREEZE_UNKNOWN (exit code 2), before anything is begun.
 */
export async function requirePassage(
  session: Session,
  command: 'deploy' | 'resume',
  names: readonly string[],
  before: { names: readonly string[]; at: number } = { names: [], at: 0 },
): Promise<string[]> {
  const inForce = (await readFreezes(session)).filter(
    ({ name, at }) => names.includes(name) || !before.names.includes(name) || at > before.at,
  );
  const passage = passageOf(inForce, names);
  switch (passage.kind) {
    case 'open':
      return passage.overridden.map((one) => one.name);
    case 'unknown':
      throw unknownFreeze(
        session.environment,
        `${session.environment} has no freeze ${passage.names.join(', ')} in force that could be overridden.`,
        inForce,
        inForce.length === 0 ? 'Leave --override-freeze away.' : 'Override one of them by its name.',
      );
    case 'frozen':
      throw frozen(session.environment, command, passage.by);
  }
}

/** Puts into the log who went past which freeze, and with which deployment. */
export async function logOverrides(
  session: Session,
  names: readonly string[],
  deployment: string,
): Promise<void> {
  for (const name of names) {
    await session.log.append({ kind: 'freezeOverridden', by: session.holder, name, deployment });
    session.reporter.say({ kind: 'note', text: `the freeze ${name} is overridden` });
  }
}

function frozen(environment: string, command: 'deploy' | 'resume', by: readonly Freeze[]): BasculeError {
  const last = new Date(Math.max(...by.map((one) => one.until))).toISOString();
  const options = by.map((one) => `--override-freeze ${one.name}`).join(' ');
  return new BasculeError({
    code: 'BASCULE_FROZEN',
    message: `${environment} is frozen until ${last}: ${by.map((one) => one.reason).join('; ')}.`,
    details: by.map(describeFreeze),
    next:
      `Nothing was begun. Wait until then, or \`bascule ${command} ${environment} … ${options}\`; that is logged with your name. ` +
      (command === 'resume'
        ? '`bascule abort` goes back and is never frozen.'
        : '`bascule rollback` and `abort` are never frozen.'),
  });
}

function unknownFreeze(
  environment: string,
  message: string,
  inForce: readonly Freeze[],
  next: string,
): BasculeError {
  return new BasculeError({
    code: 'BASCULE_FREEZE_UNKNOWN',
    message,
    details: inForce.length === 0 ? [`${environment} is not frozen`] : inForce.map(describeFreeze),
    next: `${next} Nothing was changed.`,
  });
}
