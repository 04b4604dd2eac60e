import type { Person } from '../../src/domain/approval';
import { BasculeError } from '../../src/domain/errors';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { JournalRecord } from '../../src/domain/records';
import type { Journal, Leases, Message } from '../../src/ports';
import type { Session } from '../../automation/operations/session';
import type { FakeWorld } from './fake-world';
import { MemoryEnvironmentLog } from './memory';

export const policy: DeploymentPolicy = {
  capacity: { minimum: 1, maximum: 4, desired: 2 },
  gate: { consecutive: 3, intervalSeconds: 1, timeoutSeconds: 30 },
  smoke: [],
  proof: { path: '/', header: 'x-version', requests: 20, timeoutSeconds: 10 },
  strategy: { kind: 'all-at-once' },
  growth: { kind: 'full' },
  checks: [],
  soakSeconds: 10,
  retire: { when: 'on-request', afterSeconds: 0 },
  quietSeconds: 5,
  drainTimeoutSeconds: 60,
};

/** Who asks for deployments here. */
export const TESTER: Person = {
  arn: 'arn:aws:sts::123456789012:assumed-role/deployers/tester',
  userId: 'AROADEPLOYERS:tester',
  account: '123456789012',
};

export interface TestSession extends Session {
  messages: Message[];
  stopNow(): void;
  /** As the second Ctrl-C. */
  insistNow(): void;
}

/** A session over a world in memory. */
export function sessionOf(
  world: FakeWorld,
  journal: Journal,
  leases: Leases,
  change: Partial<DeploymentPolicy> = {},
): TestSession {
  const messages: Message[] = [];
  const controller = new AbortController();
  const insisting = new AbortController();
  return {
    environment: 'test',
    service: 'shop',
    folder: '/nowhere',
    regions: [...world.regions.keys()],
    imageOwners: ['self'],
    policy: { ...policy, ...change },
    promotion: null,
    windows: null,
    world,
    journal,
    leases,
    preflight: null,
    post: null,
    requests: world.requests,
    approvals: world.approvals,
    identity: { current: () => Promise.resolve(TESTER) },
    log: new MemoryEnvironmentLog(world.clock),
    sightOf: () => 'unknown',
    guardWrites: () => undefined,
    holder: { host: 'here', pid: 1, user: 'tester', job: null },
    reporter: { say: (message) => void messages.push(message) },
    stop: controller.signal,
    insistence: { during: (work) => work(insisting.signal) },
    messages,
    stopNow: () => controller.abort(),
    insistNow: () => insisting.abort(),
  };
}

/** The kinds of a journal's records with their steps, for example `started shift:eu-west-3`. */
export function story(records: readonly JournalRecord[]): string[] {
  return records.map((record) =>
    'step' in record && record.step !== null ? `${record.kind} ${record.step}` : record.kind,
  );
}

/** The error that some work was refused with; anything else that it did is thrown. */
export async function refusal(work: Promise<unknown>): Promise<BasculeError> {
  const thrown: unknown = await work.then(
    () => new Error('was not refused'),
    (error: unknown) => error,
  );
  if (thrown instanceof BasculeError) return thrown;
  throw thrown;
}
