import { BasculeError } from '../../src/domain/errors';
import type { FleetReading } from '../../src/domain/fleet';
import type { Retire } from '../../src/domain/step';
import type { OpenConnections } from '../../src/ports';
import type { StepContext } from './handler';

/** What is known of the connections that were open when the time for draining was over. */
export type OpenAtLimit =
  | { kind: 'pending'; waitingFor: string }
  | { kind: 'known'; open: number; note: string }
  | { kind: 'unknown'; note: string };

/** Reports come late; what is not there by then is not known. CloudWatch shows them within two minutes, as a rule. */
const PATIENCE_MS = 120_000;
/** Before the step's own time-out, which would call for a person. */
const MARGIN_MS = 5_000;
/** A report of this age still counts, however short the period is. */
const FRESH_MS = 10_000;

/** How many connections a draining fleet has open now, for whoever waits; empty where it is not known. */
export async function openNow(step: Retire, context: StepContext, instances: number): Promise<string> {
  const { connections } = context.region;
  if (connections === null || instances === 0) return '';
  const now = context.world.clock.now();
  const last = await lastReport(connections, step, now);
  return last === null ? '' : `, ${Math.round(last.perInstance * instances)} connection(s) open`;
}

/**
 * What was still open when the load balancer's patience ended. The last report before that moment counts: one
 * of after it would tell of connections that were cut off already.
 */
export async function openAtLimit(
  step: Retire,
  context: StepContext,
  reading: FleetReading | undefined,
): Promise<OpenAtLimit> {
  const { connections } = context.region;
  if (connections === null)
    return unknown('deployment.openConnections is not configured, and the load balancer has no such metric');
  const now = context.world.clock.now();
  const gone = remembered(context, 'gone', now);
  const limit = limitOf(step, context, reading, gone);
  const last = await lastReport(connections, step, limit);
  const { instances } = context.facts;
  if (typeof instances !== 'number') return unknown('an earlier Bascule began this step');
  if (last !== null && limit - last.at <= Math.max(FRESH_MS, connections.periodSeconds * 1000))
    return inWords(
      Math.round(last.perInstance * instances),
      Math.max(0, Math.round((limit - last.at) / 1000)),
    );
  const giveUp = Math.min(gone + PATIENCE_MS, context.countsFrom + step.timeoutSeconds * 1000 - MARGIN_MS);
  if (now < giveUp) return { kind: 'pending', waitingFor: `the last report of ${connections.source}` };
  return unknown(`${connections.source} was not reported`);
}

/** A metric that cannot be read holds nothing up: what it would have told is not known. */
async function lastReport(
  connections: OpenConnections,
  step: Retire,
  to: number,
): ReturnType<OpenConnections['last']> {
  try {
    return await connections.last(step.colour, to - staleAfter(connections), to);
  } catch (thrown) {
    if (thrown instanceof BasculeError && thrown.code.startsWith('BASCULE_AWS_')) return null;
    throw thrown;
  }
}

const unknown = (why: string): OpenAtLimit => ({
  kind: 'unknown',
  note: `how many connections were still open when draining ended is not known: ${why}`,
});

function inWords(open: number, seconds: number): OpenAtLimit {
  const when = `when draining ended (reported ${seconds} s before)`;
  const note =
    open === 0
      ? `no connection was open ${when}`
      : `${open} connection(s) were still open ${when} and were cut off`;
  return { kind: 'known', open, note };
}

/** Draining ends its configured time after the first instance began to, or when all of them are gone. */
function limitOf(
  step: Retire,
  context: StepContext,
  reading: FleetReading | undefined,
  gone: number,
): number {
  if (step.drainSeconds === undefined) return gone;
  const began = (reading?.activities ?? [])
    .filter(({ at, description }) => at >= context.startedAt - 1000 && /^Terminating EC2/.test(description))
    .map(({ at }) => at);
  return Math.min(gone, Math.min(...began, Number.MAX_SAFE_INTEGER) + step.drainSeconds * 1000);
}

/** The start of each period is its report's time; the last whole one may have begun two of them ago. */
function staleAfter({ periodSeconds }: OpenConnections): number {
  return Math.max(FRESH_MS, 2 * periodSeconds * 1000) + periodSeconds * 1000;
}

function remembered(context: StepContext, key: string, value: number): number {
  const known = context.memory.get(key);
  if (typeof known === 'number') return known;
  context.memory.set(key, value);
  return value;
}
