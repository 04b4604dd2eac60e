/** Places in memory where deployments run, and what happens while one does. */
import { deploy, type DeployRequest, type DeployResult } from '../../automation/operations/deploy';
import type { Session } from '../../automation/operations/session';
import type { Plan } from '../../src/domain/records';
import type { Step } from '../../src/domain/step';
import type { Message, RouteChange } from '../../src/ports';
import { FakeWorld, type FakeRegion } from './fake-world';
import { MemoryJournal, MemoryLeases } from './memory';

export interface Place {
  world: FakeWorld;
  journal: MemoryJournal;
  leases: MemoryLeases;
}

/** Nothing is live here, and nothing was ever deployed. */
export function emptyPlace(regions?: readonly string[]): Place {
  const world = new FakeWorld(regions);
  return { world, journal: new MemoryJournal(), leases: new MemoryLeases(world.clock) };
}

/** 1.0.0 is live on blue here, with so many instances in each region. */
export function livePlace({ regions = ['eu-west-3'], instances = 2 } = {}): Place {
  const place = emptyPlace(regions);
  for (const region of regions) place.world.runs('blue', '1.0.0', instances, region);
  return place;
}

/** Deploys 2.0.0, or what is asked for; a release that was live already is a mistake of the test's. */
export async function deploymentOf(
  session: Session,
  request: Partial<DeployRequest> = {},
): Promise<Extract<DeployResult, { kind: 'deployed' }>> {
  const result = await deploy(session, { version: '2.0.0', force: false, ...request });
  if (result.kind !== 'deployed') throw new Error(`expected a deployment: ${result.message}`);
  return result;
}

/** A plan that leads from 1.0.0 to 2.0.0 by these steps. */
export function planOf(steps: Step[]): Plan {
  const place = { environment: 'test', service: 'shop' };
  return { purpose: 'deploy', ...place, version: '2.0.0', formerVersion: '1.0.0', steps };
}

type Such = (message: Message) => boolean;

/** What the driver says when a step comes to such a point of its story. */
export const says =
  (kind: Message['kind'], id: string): Such =>
  (message) =>
    message.kind === kind && 'step' in message && message.step.id === id;

/** What it says when any step of this kind begins. */
export const begins =
  (kind: Step['kind']): Such =>
  (message) =>
    message.kind === 'started' && message.step.kind === kind;

/** Does something whenever the driver says such a thing; what that throws is thrown where the driver said it. */
export function whenSaid<T extends Session>(session: T, such: Such, act: (message: Message) => void): T {
  const say = session.reporter.say.bind(session.reporter);
  session.reporter = {
    say: (message) => {
      say(message);
      if (such(message)) act(message);
    },
  };
  return session;
}

/** The same, the first time alone. */
export function onceSaid<T extends Session>(session: T, such: Such, act: () => void): T {
  let due = true;
  return whenSaid(
    session,
    (message) => due && such(message),
    () => {
      due = false;
      act();
    },
  );
}

/** What somebody does the first time that a step begins, by the id of that step. */
export type Acts = Record<string, () => Promise<unknown>>;

/** Lets people act while a deployment runs; what each of them came to is added as they begin. */
export function acting(session: Session, acts: Acts): Promise<unknown>[] {
  const answers: Promise<unknown>[] = [];
  for (const [id, act] of Object.entries(acts))
    onceSaid(session, says('started', id), () => void answers.push(act()));
  return answers;
}

/** All that was changed of how production forwards. */
export function productionWrites(region: FakeRegion): RouteChange[] {
  return region.writes.flat().filter(({ route }) => route.listener === 'production');
}
