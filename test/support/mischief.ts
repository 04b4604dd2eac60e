/** Everything that can come between a deployment and its end, on a world in memory, chosen by a property test. */
import fc from 'fast-check';
import { COLOURS, type Colour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import type { Session } from '../../automation/operations/session';
import type { FakeWorld } from './fake-world';

type When = 'before' | 'after';

/** What strikes a call of a port: before it took effect, or after, when only the answer is lost. */
export type Blow =
  | { kind: 'killed'; when: When }
  | { kind: 'no-answer'; code: string; when: When }
  | { kind: 'credentials' }
  /** Pulumi cannot apply a fleet; any other call is spared. */
  | { kind: 'stack-failed' }
  | { kind: 'ctrl-c' }
  /** The process stands still, as by SIGSTOP, until others have made so many calls. */
  | { kind: 'paused'; calls: number };

/** What happens to the world while the driver waits or writes its journal. */
export type Event =
  | { kind: 'falls-sick'; colour: Colour }
  | { kind: 'gets-well'; colour: Colour }
  /** Somebody shares a production route by hand. */
  | { kind: 'moved-by-hand' }
  /** Somebody changes a fleet by hand. */
  | { kind: 'fleet-by-hand'; colour: Colour; what: 'minimum' | 'suspended' }
  | { kind: 'requests'; colour: Colour; seen: number | null }
  /** A second deployment is tried. */
  | { kind: 'rival' }
  /** A region gives no answer from here on, at whatever call; by its place in the environment, from 0. */
  | { kind: 'cut-off'; region: number }
  /** All regions answer again. */
  | { kind: 'comes-back' };

export interface Mischief {
  /** Calls of ports that pass untouched before it. */
  after: number;
  what: Blow | Event;
}

const when = fc.constantFrom('before' as const, 'after' as const);
const colour = fc.constantFrom(...COLOURS);
const code = fc.constantFrom('BASCULE_AWS_THROTTLED', 'BASCULE_AWS_UNREACHABLE', 'BASCULE_AWS_FAILED');
const seen = fc.constantFrom(0, 7, null);
const byHand = fc.constantFrom('minimum' as const, 'suspended' as const);

const what: fc.Arbitrary<Mischief['what']> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('killed' as const), when }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('no-answer' as const), code, when }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'credentials' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'stack-failed' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'ctrl-c' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('paused' as const), calls: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('falls-sick' as const), colour }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gets-well' as const), colour }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'moved-by-hand' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fleet-by-hand' as const), colour, what: byHand }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('requests' as const), colour, seen }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'rival' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut-off' as const), region: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'comes-back' as const }) },
);

export const mischiefs: fc.Arbitrary<Mischief[]> = fc.array(fc.record({ after: fc.nat(60), what }), {
  maxLength: 8,
});

/** How a process that was killed looks to the code inside it: nothing that it calls comes back. */
export class Killed extends Error {}

/** Calls of one process after which its work is taken for endless. */
const ENDLESS = 20_000;
const EVENTS: ReadonlySet<string> = new Set([
  'falls-sick',
  'gets-well',
  'moved-by-hand',
  'fleet-by-hand',
  'requests',
  'rival',
  'cut-off',
  'comes-back',
]);
/** Events that no look can foresee, so that they come at any call. */
const SUDDEN: ReadonlySet<string> = new Set(['cut-off', 'comes-back']);
/** Calls during which time passes, so that the world may change under the driver. */
const QUIET: ReadonlySet<string> = new Set(['append', 'wait']);
/** Calls that change the environment; `run` is a migration's. */
const WRITES: ReadonlySet<string> = new Set([
  'write',
  'applyFleet',
  'suspend',
  'resume',
  'setMinimum',
  'run',
]);

function isEvent(one: Blow | Event): one is Event {
  return EVENTS.has(one.kind);
}

interface Pause {
  calls: number;
  end: () => void;
}

/** Deals out the mischief, one after the other, to whichever process is at work. */
export class Fate {
  private left: Mischief[];
  private calls = 0;
  private pauses: Pause[] = [];
  /** Processes that are at work and do not stand still. */
  awake = 0;
  /** Told when a process stands still. */
  onPause: () => void = () => undefined;

  constructor(
    mischief: readonly Mischief[],
    private readonly happen: (event: Event) => Promise<void>,
  ) {
    this.left = [...mischief];
  }

  /** No more mischief from here on. */
  relent(): void {
    this.left = [];
  }

  /** The blow that strikes this call. Events of the world wait for a call during which time passes. */
  async strike(call: string): Promise<Blow | undefined> {
    this.pass();
    const next = this.left[0];
    if (next === undefined) return undefined;
    this.calls += 1;
    if (this.calls <= next.after) return undefined;
    if (isEvent(next.what)) {
      // Nobody can guard against what happens between another one's last look and its write.
      const quiet = QUIET.has(call) && this.awake <= 1 && this.pauses.length === 0;
      if (!quiet && !SUDDEN.has(next.what.kind)) return undefined;
      this.take();
      await this.happen(next.what);
      return undefined;
    }
    if (next.what.kind === 'stack-failed' && call !== 'applyFleet') return undefined;
    if (call === 'wait' && ['no-answer', 'credentials'].includes(next.what.kind)) return undefined;
    this.take();
    return next.what;
  }

  /** Resolves when others have made so many calls, or everybody is woken. */
  pause(calls: number): Promise<void> {
    return new Promise((resolve) => {
      this.awake -= 1;
      this.pauses.push({ calls, end: () => this.goOn(resolve) });
      this.onPause();
    });
  }

  /** Lets all go on that stand still. */
  wake(): void {
    for (const { end } of this.pauses.splice(0)) end();
  }

  private goOn(resolve: () => void): void {
    this.awake += 1;
    resolve();
  }

  private pass(): void {
    this.pauses = this.pauses.filter((pause) => {
      pause.calls -= 1;
      if (pause.calls <= 0) pause.end();
      return pause.calls > 0;
    });
  }

  private take(): void {
    this.left.shift();
    this.calls = 0;
  }
}

/** What becomes known of the calls of a process. */
export interface Witness {
  tookOver(process: Process): void;
  wrote(process: Process, call: string): void;
}

/** One process at work on a session, to which mischief may happen at each call of a port. */
export class Process {
  private dead = false;
  private calls = 0;
  private guard: (() => Promise<void>) | undefined;

  constructor(
    private readonly fate: Fate,
    private readonly witness: Witness,
    private readonly stop: () => void,
  ) {}

  /** The same session as this process sees it. */
  session(session: Session, world: FakeWorld): Session {
    return {
      ...session,
      journal: this.through(session.journal),
      leases: this.through(session.leases),
      requests: this.through(session.requests),
      log: this.through(session.log),
      guardWrites: (guard) => void (this.guard = guard),
      world: {
        clock: this.through(world.clock),
        stacks: this.through(world.stacks),
        images: this.through(world.images),
        bundles: this.through(world.bundles),
        prober: world.prober,
        commands: world.commands,
        localCommands: this.through(world.localCommands),
        machines: this.through(world.machines),
        // What they are asked before anything begins, they answer at once.
        tests: world.tests,
        region: (name) => {
          const region = world.region(name);
          const { traffic, fleets, metrics } = region;
          return {
            ...region,
            traffic: this.through(traffic),
            fleets: this.through(fleets),
            metrics: this.through(metrics),
          };
        },
      },
    };
  }

  private through<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || typeof name !== 'string' || name === 'now') return member;
        return (...given: unknown[]) =>
          this.call(name, given, async () => Reflect.apply(member, target, given) as unknown);
      },
    });
  }

  private async call(name: string, given: readonly unknown[], effect: () => Promise<unknown>) {
    if (this.dead) throw new Killed();
    this.calls += 1;
    if (this.calls > ENDLESS) throw new Error('the driver does not come to an end');
    const blow = await this.fate.strike(name);
    if (blow?.kind === 'ctrl-c') this.stop();
    if (blow?.kind === 'paused') await this.fate.pause(blow.calls);
    // As the SDK's clients do: a process that lost its lease while it stood still writes no more.
    if (WRITES.has(name)) await this.guard?.();
    if (blow !== undefined && (!('when' in blow) || blow.when === 'before')) this.fall(blow);
    const answer = await effect();
    this.report(name, given, answer);
    if (blow !== undefined) this.fall(blow);
    return this.wrapped(answer);
  }

  private report(name: string, given: readonly unknown[], answer: unknown): void {
    if (WRITES.has(name)) this.witness.wrote(this, name);
    const kind = name === 'append' && answer === 'appended' ? (given[0] as { kind: string }).kind : '';
    if (['opened', 'resumed', 'unlocked'].includes(kind)) this.witness.tookOver(this);
  }

  private fall(blow: Blow): void {
    switch (blow.kind) {
      case 'killed':
        this.dead = true;
        throw new Killed();
      case 'no-answer':
        throw fault(blow.code);
      case 'credentials':
        throw fault('BASCULE_AWS_CREDENTIALS');
      case 'stack-failed':
        throw fault('BASCULE_STACK_FAILED');
      case 'ctrl-c':
      case 'paused':
        return;
    }
  }

  /** A lease that was given is a port as well. */
  private wrapped(answer: unknown): unknown {
    if (typeof answer !== 'object' || answer === null || !('lease' in answer)) return answer;
    return { ...answer, lease: this.through(answer.lease as object) };
  }
}

function fault(code: string): BasculeError {
  return new BasculeError({ code, message: `It was to be: ${code}.`, next: 'Try again.', blame: 'world' });
}
