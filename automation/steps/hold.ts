import { COLOURS } from '../../src/domain/colour';
import { messageOf } from '../../src/domain/errors';
import { HELD_PROCESSES, pinFor, toSuspend } from '../../src/domain/held';
import type { Hold } from '../../src/domain/step';
import { interrupts } from '../driver/interruptions';
import { notRestored, pinIn, remains, restore, words, type Remainder } from './hold-restore';
import { done, pending, ran, timedOut, type StepContext, type StepHandler } from './handler';

/** Time for Auto Scaling to show what was put back. */
const READ_BACK_MILLISECONDS = 60_000;

/**
 * Keeps both fleets still while traffic moves. What was found stands in the plan and the pin in the record of
 * the intent, so that it can be put back whenever this process ends. That nobody changed the fleets since the
 * plan was made was looked at just before this step began. Scheduled actions that fall due meanwhile are
 * skipped by AWS and stay skipped.
 */
export const hold: StepHandler<Hold> = {
  timeoutSeconds: () => 60,
  pollMilliseconds: () => 500,
  recovery: 'repeat',
  async intend(step, context) {
    const fleets = await context.region.fleets.limits();
    return { pin: pinFor(step.found[step.losing], fleets[step.losing]) };
  },
  async run(step, context) {
    const { fleets } = context.region;
    const limits = await fleets.limits();
    for (const colour of COLOURS) {
      const now = limits[colour];
      const processes = now === undefined ? [] : toSuspend(now);
      if (processes.length > 0) await fleets.suspend(colour, processes);
    }
    const pin = pinIn(context.facts);
    const now = limits[step.losing];
    if (pin !== null && now !== undefined && now.minimum < pin) await fleets.setMinimum(step.losing, pin);
    return ran();
  },
  async verify(step, context) {
    const limits = await context.region.fleets.limits();
    for (const colour of COLOURS) {
      const now = limits[colour];
      const left = now === undefined ? [] : toSuspend(now);
      if (left.length > 0) return pending(`${left.join(', ')} of ${colour} to be suspended`);
    }
    const pin = pinIn(context.facts);
    const minimum = limits[step.losing]?.minimum;
    if (pin !== null && minimum !== undefined && minimum < pin)
      return pending(`the minimum of ${step.losing} to be ${pin}`);
    const pinned = pin === null ? '' : `, ${step.losing} keeps at least ${pin} instance(s)`;
    return done(`${HELD_PROCESSES.join(' and ')} suspended${pinned}`);
  },
  async undo(step, context) {
    const pin = pinIn(context.facts);
    try {
      await restore(step, pin, context);
      const left = await readBack(step, pin, context);
      if (left.length === 0) return { kind: 'undone', note: 'processes and limits are as they were found' };
      return { kind: 'halt', reason: notRestored(step, pin, words(left), context) };
    } catch (thrown) {
      if (interrupts(thrown)) throw thrown;
      return { kind: 'halt', reason: notRestored(step, pin, messageOf(thrown), context) };
    }
  },
  explainTimeout: (_step, _context, waitingFor) => timedOut('Holding the fleets', waitingFor),
};

async function readBack(step: Hold, pin: number | null, context: StepContext): Promise<Remainder[]> {
  const { clock } = context.world;
  const deadline = clock.now() + READ_BACK_MILLISECONDS;
  for (;;) {
    const left = await remains(step, pin, context);
    if (left.length === 0 || clock.now() > deadline) return left;
    await clock.wait(500);
  }
}
