import { judge, tally, type Tally, type Told } from '../../src/domain/approval';
import type { Approve } from '../../src/domain/step';
import {
  done,
  nothingToUndo,
  pending,
  ran,
  reason,
  timedOut,
  type StepContext,
  type StepHandler,
} from './handler';

/** As often as requests are looked for: soon enough for a person, two small reads of S3. */
const POLL_MILLISECONDS = 2000;

/** Waits for people's consent. What counts is what the journal has taken up of it. */
export const approve: StepHandler<Approve> = {
  // By its own clock, which a resume does not set back.
  timeoutSeconds: () => null,
  pollMilliseconds: () => POLL_MILLISECONDS,
  recovery: 'repeat',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    await takeUp(step, context);
    const state = context.state();
    const now = context.world.clock.now();
    const standing = tally(step, state.approvals[step.id] ?? [], { planHash: state.planHash ?? '', now });
    if (standing.rejected !== null) return { kind: 'failed', reason: rejection(step, standing.rejected) };
    if (standing.missing === 0) return done(`approved by ${names(standing)}`, { by: names(standing) });
    if (now >= since(step, context) + step.timeoutSeconds * 1000)
      return { kind: 'failed', reason: lateReason(step, standing) };
    return pending(waitingFor(step, context, standing));
  },
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waiting) => timedOut('The approval', waiting),
};

/** Judges what is new in the store and writes each of it into the journal, once. */
async function takeUp(step: Approve, context: StepContext): Promise<void> {
  const { deployment, planHash = '', requester = null, approvals } = context.state();
  const known = new Set((approvals[step.id] ?? []).map(({ object }) => object));
  const found = await context.approvals.read(deployment, step.name, known);
  const question = { rule: step, planHash, requester, now: context.world.clock.now() };
  const told = found.map((one) => judge(one, question));
  // In the order in which they were said, so that of one person the last word is the last record.
  told.sort((one, other) => one.saidAt - other.saidAt);
  for (const one of told) await context.hear(step, one);
}

/** A deployment that halted waits anew from the moment a person goes on with it. */
function since({ before }: Approve, { startedAt, countsFrom }: StepContext): number {
  return before === 'retire' ? countsFrom : startedAt;
}

function rejection({ name, before }: Approve, { by, comment }: Told) {
  const still = before === 'retire' ? ' The former colour stays as it is.' : '';
  return reason('BASCULE_REJECTED', `${by.arn} rejected the approval ${name}: ${comment}${still}`);
}

function lateReason({ name, count, timeoutSeconds }: Approve, { valid }: Tally) {
  return reason(
    'BASCULE_APPROVAL_TIMEOUT',
    `The approval ${name} was not given within ${timeoutSeconds} s: ${valid.length} of ${count}.`,
  );
}

function waitingFor(step: Approve, context: StepContext, standing: Tally): string {
  const { name, count } = step;
  const { planHash = 'unknown', plan } = context.state();
  const given = standing.valid.length === 0 ? '' : ` (so far ${names(standing)})`;
  return `the approval ${name}, ${standing.valid.length} of ${count}${given}, of the plan ${planHash}: \`bascule approve ${plan.environment} --step ${name} --comment <why>\``;
}

function names({ valid }: Tally): string {
  return valid.map(({ by }) => by.arn).join(', ');
}
