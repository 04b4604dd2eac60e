import type { LocalCommands, Stacks } from '../ports';

/** Throws when nothing may be written any more. */
export type WriteGuard = () => Promise<void>;

const READS = /^(Describe|Get|List|Head|Assume)/;
let guard: WriteGuard | undefined;

/**
 * What is asked before each write of this process to AWS, until it is set again: a process that was paused
 * half-way through many writes has to learn before the next of them that another one took its place.
 */
export function guardWrites(given: WriteGuard | undefined): void {
  guard = given;
}

type Next = (args: unknown) => Promise<unknown>;

interface Guardable {
  middlewareStack: {
    add(
      middleware: (next: Next, context: { commandName?: string }) => Next,
      options: { step: string; priority: string; name: string },
    ): void;
  };
}

/** A client whose writes ask first; each attempt anew, for between two of them much may have happened. */
export function guarded<C extends object>(client: C): C {
  const { middlewareStack } = client as unknown as Guardable;
  middlewareStack.add(
    (next, context) => async (args) => {
      if (!READS.test(context.commandName ?? '')) await guard?.();
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'basculeGuard' },
  );
  return client;
}

/** Stacks whose updates ask first; the writes are the engine's own after that. */
export function guardedStacks(stacks: Stacks): Stacks {
  return {
    outputs: () => stacks.outputs(),
    upService: () => stacks.upService(),
    destroyService: () => stacks.destroyService(),
    applyFleet: async (target) => {
      await guard?.();
      return stacks.applyFleet(target);
    },
    destroyFleet: async (region, colour) => {
      await guard?.();
      return stacks.destroyFleet(region, colour);
    },
  };
}

/** Commands that ask first: who stood still must not change a database that another one's deployment uses by now. */
export function guardedCommands(commands: LocalCommands): LocalCommands {
  return {
    run: async (order, signal) => {
      await guard?.();
      return commands.run(order, signal);
    },
  };
}
