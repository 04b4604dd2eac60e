import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BasculeError, messageOf } from '../domain/errors';
import { createClients } from './aws';
import { runEngine, type EnginePlace } from './engine-command';
import { readState } from './stack-reading';
import { isWhatWasPlanned, type Found, type Lookup } from './stack-search';
import { searchFor } from './stack-searches';
import {
  existsOutside,
  isUnfinished,
  mended,
  pendingOf,
  recordedIds,
  resourcesOf,
  resourceTitle,
  sameState,
  touchedIn,
  unreadIn,
  type Adoption,
  type ResourcePlan,
  type StackState,
} from './stack-state';
import { endOrphans, LockWait, PATIENCE, type Patience } from './stack-wait';
import { temporaryFolder } from './temporary-folders';
import { saysLocked } from './stack-lock';

/** What was done about a create that nothing recorded. */
type Fate =
  | { kind: 'adopted'; plan: ResourcePlan; id: string }
  | { kind: 'removed'; plan: ResourcePlan; id: string }
  | { kind: 'absent'; plan: ResourcePlan };

/** Every resource of the stacks names its region, but for those of IAM, which has none: any serves. */
function regionOf({ inputs }: ResourcePlan): string {
  const region = inputs?.['region'];
  return typeof region === 'string' ? region : (process.env['AWS_REGION'] ?? 'us-east-1');
}

/** Rounds of mending before a person has to look: each one means that somebody else changed the stack meanwhile. */
const ROUNDS = 5;

/** After a create without a known end a resource may not be seen at once; where AWS would make a second one, we look again. */
const LOOKS = 4;
const LOOK_MILLISECONDS = 1000;

/**
 * Mends what earlier updates of a stack left: locks of dead engines, orphaned plugins, operations without a
 * known end, resources that exist and are not recorded. The environment's lease is held, so no other driver
 * works on the stack; a person may.
 */
export class StackMender {
  private readonly wait: LockWait;

  constructor(
    private readonly place: EnginePlace,
    private readonly note: (text: string) => void,
    patience: Partial<Patience> = {},
  ) {
    const stack = {
      name: place.stack,
      note,
      state: () => this.state(),
      cancel: async () => void (await runEngine(place, ['cancel', '--yes'])),
    };
    this.wait = new LockWait(stack, { ...PATIENCE, ...patience });
  }

  /** What the engine said when it refused: gives the lock's holder time, or takes a lock that nobody holds. */
  afterRefusal(refusal: string): Promise<'try-again' | 'held'> {
    return this.wait.after(refusal);
  }

  /** An engine that was killed cannot end its plugins. */
  async afterKill(again: boolean): Promise<void> {
    const orphans = await endOrphans(this.place.stack);
    const ended = orphans === 0 ? '' : `; ${orphans} orphaned plugin process(es) were ended`;
    const next = again ? '; the update is mended and done again' : '';
    this.note(`The Pulumi engine of ${this.place.stack} was killed${ended}${next}.`);
  }

  /** Before an operation: brings the state and AWS together where an update was broken off. */
  async prepare(exported: StackState): Promise<void> {
    let state = exported;
    const touched = new Set<string>();
    for (let round = 0; isUnfinished(state); round += 1) {
      if (round === ROUNDS) throw this.unsettled('it changed again and again while it was mended');
      // The engine forgets these with its next write of the state, whatever it is about.
      for (const urn of touchedIn(state)) touched.add(urn);
      if (await this.isFree(state)) {
        await endOrphans(this.place.stack);
        // Whoever held the lock until now may have finished some of it.
        state = await this.state();
        if (await this.mend(state, touched)) return;
      }
      state = await this.state();
    }
  }

  /**
   * After creates failed: those whose resource exists although the engine was told otherwise (a lost answer)
   * become part of the stack. False when there is none, so that the failure stands as it is.
   */
  async recover(plans: readonly ResourcePlan[]): Promise<boolean> {
    const known = plans.filter(({ type }) => searchFor(type)?.kind === 'lookup');
    if (known.length === 0) return false;
    const state = await this.state();
    // What is under way still is for prepare to see to.
    if (isUnfinished(state)) return false;
    const fates = (await this.fatesOf(known, state, 1)).filter(({ kind }) => kind !== 'absent');
    if (fates.length === 0 || !(await this.settle(state, fates, []))) return false;
    this.tell(fates, 'had been created although its answer was lost');
    return true;
  }

  /** Nobody holds the lock: told by an operation that takes it and only reads, what was being changed included. */
  private async isFree(state: StackState): Promise<boolean> {
    const root = resourcesOf(state)[0]?.urn;
    return this.locked(async () => {
      await this.refresh([...(root === undefined ? [] : [root]), ...touchedIn(state)]);
    });
  }

  /** False when the stack changed meanwhile. */
  private async mend(state: StackState, touched: ReadonlySet<string>): Promise<boolean> {
    const creating = pendingOf(state)
      .filter(({ type, resource }) => type === 'creating' && existsOutside(resource))
      .map(({ resource }) => resource);
    const fates = await this.fatesOf(creating, state, LOOKS);
    const unread = unreadIn(state).map(({ urn }) => urn);
    const known = new Set(resourcesOf(state).map(({ urn }) => urn));
    // A plugin that outlived its engine may have changed them until it was ended: they are read once more.
    const changed = [...new Set([...touched, ...touchedIn(state)])].filter((urn) => known.has(urn));
    if (!(await this.settle(state, fates, [...changed, ...unread]))) return false;
    this.tell(fates, 'was being created when its update was broken off');
    const redone = new Set(changed.map(resourceTitle));
    for (const title of redone)
      this.note(`${this.place.stack}: ${title} was being changed when its update was broken off; read anew.`);
    return true;
  }

  /** Writes what was found into the state, and lets the provider read it. */
  private async settle(state: StackState, fates: readonly Fate[], read: readonly string[]): Promise<boolean> {
    const adoptions = fates.flatMap((fate): Adoption[] => (fate.kind === 'adopted' ? [fate] : []));
    // Between the export and here a person's update may have begun and ended.
    if (!sameState(state, await this.state())) return false;
    const written = await this.locked(() => this.import(mended(state, adoptions)));
    if (!written) return false;
    const urns = [...adoptions.map(({ plan }) => plan.urn), ...read];
    return urns.length === 0 || this.locked(() => this.refresh(urns));
  }

  private async fatesOf(plans: readonly ResourcePlan[], state: StackState, looks: number): Promise<Fate[]> {
    return Promise.all(plans.map((plan) => this.fateOf(plan, recordedIds(state, plan.type), looks)));
  }

  private async fateOf(plan: ResourcePlan, recorded: ReadonlySet<string>, looks: number): Promise<Fate> {
    const search = searchFor(plan.type);
    if (search === undefined)
      throw this.unsettled(`${resourceTitle(plan.urn)} may or may not have been created`);
    if (search.kind === 'repeatable') return { kind: 'absent', plan };
    const region = regionOf(plan);
    const clients = createClients(region);
    const found = await this.look(plan, search, recorded, { looks, region });
    const [one, ...more] = found;
    if (one === undefined) return { kind: 'absent', plan };
    if (more.length > 0)
      throw this.unsettled(
        `${resourceTitle(plan.urn)} exists ${found.length} times: ${found.map(({ id }) => id).join(', ')}`,
      );
    if ((await search.remove?.(one, clients)) === true) return { kind: 'removed', plan, id: one.id };
    // Behind the id the official provider takes the region, where it is not the provider's own.
    return { kind: 'adopted', plan, id: search.global === true ? one.id : `${one.id}@${region}` };
  }

  private async look(
    plan: ResourcePlan,
    search: Lookup,
    recorded: ReadonlySet<string>,
    { looks, region }: { looks: number; region: string },
  ): Promise<Found[]> {
    for (let left = search.doubles === true ? looks : 1; ; left -= 1) {
      const all = await search.find(plan.inputs ?? {}, createClients(region));
      const found = all.filter((one) => isWhatWasPlanned(one, plan, recorded));
      if (found.length > 0 || left <= 1) return found;
      await delay(LOOK_MILLISECONDS);
    }
  }

  private tell(fates: readonly Fate[], how: string): void {
    for (const fate of fates) {
      const what = `${this.place.stack}: ${resourceTitle(fate.plan.urn)} ${how}`;
      switch (fate.kind) {
        case 'adopted':
          this.note(`${what}; it exists (${fate.id}) and was adopted.`);
          break;
        case 'removed':
          this.note(`${what}; it existed (${fate.id}), was removed, and is made anew.`);
          break;
        case 'absent':
          this.note(`${what}; it does not exist and is made now.`);
          break;
      }
    }
  }

  /** Does what takes the stack's lock; false after waiting for its holder. */
  private async locked(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      const text = messageOf(thrown);
      if (!saysLocked(text)) throw thrown;
      if ((await this.wait.after(text)) === 'held') throw thrown;
      return false;
    }
  }

  private async state(): Promise<StackState> {
    const state = await readState(this.place);
    if (state === undefined) throw new Error(`no stack named '${this.place.stack}' found`);
    return state;
  }

  private async refresh(urns: readonly string[]): Promise<void> {
    const targets = urns.flatMap((urn) => ['--target', urn]);
    await runEngine(this.place, ['refresh', '--yes', '--skip-preview', ...targets]);
  }

  private async import(state: StackState): Promise<void> {
    const folder = await temporaryFolder('state');
    try {
      const file = path.join(folder, 'state.json');
      await writeFile(file, JSON.stringify(state), { mode: 0o600 });
      await runEngine(this.place, ['stack', 'import', '--file', file]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private unsettled(why: string): BasculeError {
    const { stack } = this.place;
    return new BasculeError({
      code: 'BASCULE_STACK_UNSETTLED',
      message: `The Pulumi stack ${stack} was left unfinished by an earlier update: ${why}.`,
      next: `Look at AWS and at \`pulumi stack export --stack ${stack}\` (pending_operations); \`pulumi refresh --stack ${stack}\` asks what to do with each. Then run the command again.`,
      blame: 'world',
      exitCode: 5,
    });
  }
}
