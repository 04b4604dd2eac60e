import { defaultProvider } from '@aws-sdk/credential-provider-node';

type Ambient = ReturnType<typeof defaultProvider>;

/** Keys of AWS, and until when they are good for something. */
export type Keys = Awaited<ReturnType<Ambient>>;

/** Gives keys that are good for now. What the SDK tells it is of use to its own chain alone. */
export type Chain = (options?: Parameters<Ambient>[0]) => Promise<Keys>;

/** Begins a chain; `anew` when what files say may have changed since the last one was begun. */
export type ChainStart = (anew: boolean) => Chain;

/** The SDK's own chain: what it finds by itself. */
export const ambient: ChainStart = (anew) => defaultProvider(anew ? { ignoreCache: true } : {});

/**
 * A chain of credentials, one for all clients, that can be read anew: a client keeps keys without an end date for
 * ever, also when the file they came from holds new ones by now.
 */
export class Credentials {
  private chain: Chain;

  constructor(private readonly start: ChainStart = ambient) {
    this.chain = start(false);
  }

  /** For the configuration of a client. Marked, or each client would remember what it got first. */
  readonly provide = Object.assign((options?: Parameters<Ambient>[0]) => this.chain(options), {
    memoized: true,
  });

  renew(): void {
    this.chain = this.start(true);
  }
}

/** As the SDK does with keys that it knows the end of: what is signed now may arrive minutes later. */
const EARLY_MILLISECONDS = 5 * 60_000;

/** A chain that keeps the keys of another one until shortly before their end. */
export function keptUntilLate(source: () => Promise<Keys>, now: () => number = Date.now): Chain {
  let kept: Keys | undefined;
  let asked: Promise<Keys> | undefined;
  const left = (): number => (kept?.expiration?.getTime() ?? Infinity) - now();
  const ask = async (): Promise<Keys> => {
    try {
      return (kept = await source());
    } catch (thrown) {
      // They are still good; whoever needs some next asks again.
      if (kept !== undefined && left() > 0) return kept;
      throw thrown;
    } finally {
      asked = undefined;
    }
  };
  return async (options) =>
    kept !== undefined && left() > EARLY_MILLISECONDS && options?.forceRefresh !== true
      ? kept
      : (asked ??= ask());
}

/** AWS took these credentials once and says that their time is over. */
export function hasExpired(thrown: unknown): boolean {
  return /^(ExpiredToken|ExpiredTokenException|RequestExpired|TokenRefreshRequired)$/.test(
    (thrown as Error | undefined)?.name ?? '',
  );
}
