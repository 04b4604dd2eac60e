import { defaultProvider } from '@aws-sdk/credential-provider-node';

type Chain = ReturnType<typeof defaultProvider>;

/**
 * The SDK's own chain of credentials, one for all clients, that can be read anew: a client keeps keys without an
 * end date for ever, also when the file they came from holds new ones by now.
 */
export class Credentials {
  private chain: Chain = defaultProvider();

  /** For the configuration of a client. Marked, or each client would remember what it got first. */
  readonly provide: Chain = Object.assign((options?: Parameters<Chain>[0]) => this.chain(options), {
    memoized: true,
  });

  renew(): void {
    this.chain = defaultProvider({ ignoreCache: true });
  }
}

/** AWS took these credentials once and says that their time is over. */
export function hasExpired(thrown: unknown): boolean {
  return /^(ExpiredToken|ExpiredTokenException|RequestExpired|TokenRefreshRequired)$/.test(
    (thrown as Error | undefined)?.name ?? '',
  );
}
