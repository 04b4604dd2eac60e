import type { FleetReading, InstanceReading } from '../../src/domain/fleet';
import { assessFleet, culpritsOf, describeInstance } from '../../src/domain/health';
import type { HealthGate } from '../../src/domain/step';
import type { Reason } from '../../src/domain/records';
import { done, nothingToUndo, pending, ran, reason, type StepContext, type StepHandler } from './handler';

/** Lines of an instance's output that a failure shows. */
const TAIL_LINES = 12;
/** Instances of a failed fleet that are shown in full. */
const SHOWN_INSTANCES = 3;

interface GateMemory {
  streak: number;
  /** Every instance of the release seen unhealthy: Auto Scaling may have replaced it when the gate ends. */
  unhealthy: Map<string, string>;
  seen: Set<string>;
}

/** Looks at status checks, lifecycle and target health until all of them are good several times in a row. */
export const healthGate: StepHandler<HealthGate> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: (step) => step.intervalSeconds * 1000,
  recovery: 'look',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    const memory = memoryOf(context);
    if (reading !== undefined) remember(reading, step, memory);
    const expected = { ...step, since: context.openedAt };
    const verdict = assessFleet(reading, expected, memory.streak);
    memory.streak = verdict.kind === 'failed' ? 0 : verdict.streak;
    if (verdict.kind === 'healthy') return done(`${step.instances} of ${step.instances} healthy`);
    if (verdict.kind === 'failed')
      return { kind: 'failed', reason: await explain(verdict.code, verdict.message, context) };
    const replaced = replacedInstances(reading, memory);
    // A group that keeps replacing instances never settles: waiting for the deadline would only cost time.
    if (replaced.length > step.instances)
      return {
        kind: 'failed',
        reason: await explain(
          'BASCULE_RELEASE_CRASHES',
          `${step.version} does not stay up: ${replaced.length} instance(s) of the ${step.colour} fleet in ${step.region} were replaced before they were healthy.`,
          context,
        ),
      };
    return pending(verdict.waitingFor);
  },
  undo: nothingToUndo,
  explainTimeout: (step, context, waitingFor) =>
    explain(
      'BASCULE_GATE_TIMEOUT',
      `The ${step.colour} fleet at ${step.version} in ${step.region} was not healthy within ${step.timeoutSeconds} s: ${waitingFor}.`,
      context,
    ),
};

function memoryOf(context: StepContext): GateMemory {
  const existing = context.memory.get('gate') as GateMemory | undefined;
  if (existing !== undefined) return existing;
  const fresh: GateMemory = { streak: 0, unhealthy: new Map(), seen: new Set() };
  context.memory.set('gate', fresh);
  return fresh;
}

function remember(reading: FleetReading, step: HealthGate, memory: GateMemory): void {
  for (const instance of culpritsOf(reading, step.version))
    // What was seen before it was taken out says why; while it leaves, the load balancer only says that.
    if (isSuspicious(instance) && (!memory.unhealthy.has(instance.id) || !isLeaving(instance)))
      memory.unhealthy.set(instance.id, describeInstance(instance));
  for (const instance of reading.instances)
    if (instance.version === step.version) memory.seen.add(instance.id);
}

function isSuspicious(instance: InstanceReading): boolean {
  return instance.statusCheck === 'impaired' || instance.target === 'unhealthy' || isLeaving(instance);
}

function isLeaving(instance: InstanceReading): boolean {
  return instance.lifecycle.startsWith('Terminat');
}

function replacedInstances(reading: FleetReading | undefined, memory: GateMemory): string[] {
  const here = new Set(reading?.instances.filter((one) => !isLeaving(one)).map((one) => one.id) ?? []);
  return [...memory.unhealthy.keys()].filter((id) => !here.has(id));
}

async function explain(code: string, message: string, context: StepContext): Promise<Reason> {
  const details: string[] = [];
  for (const [id, line] of [...memoryOf(context).unhealthy].slice(0, SHOWN_INSTANCES)) {
    details.push(line);
    const tail = await context.region.fleets.consoleTail(id, TAIL_LINES).catch(() => []);
    details.push(...(tail.length === 0 ? ['  (no output)'] : tail.map((text) => `  | ${text}`)));
  }
  return reason(code, message, details);
}
