/** The order in which releases go through the environments of a service, by what each file says. Pure. */
import { BasculeError } from './errors';

/** One environment as its file says. */
export interface ChainLink {
  environment: string;
  service: string;
  /** The environment before; undefined where any release may be deployed. */
  from?: string | undefined;
}

/**
 * The environments of a service, each after the one that its releases come from; those of one chain stand together.
 * @throws BasculeError BASCULE_PROMOTION_CHAIN (exit code 2).
 */
export function chainsOf<T extends ChainLink>(links: readonly T[]): T[] {
  for (const link of links) chainTo(link.environment, links);
  const after = (link: T): T[] => [
    link,
    ...links.filter(({ from }) => from === link.environment).flatMap((next) => after(next)),
  ];
  return links.filter(({ from }) => from === undefined).flatMap(after);
}

/**
 * The environments that a release goes through on its way to one, that one last.
 * @throws BasculeError BASCULE_PROMOTION_CHAIN (exit code 2).
 */
export function chainTo<T extends ChainLink>(environment: string, links: readonly T[]): T[] {
  const chain: T[] = [];
  for (let name: string | undefined = environment; name !== undefined; name = chain[0]?.from) {
    const link = links.find((one) => one.environment === name);
    const next = chain[0];
    if (link === undefined)
      throw broken(
        `releases for ${next?.environment ?? environment} come from ${name}, and there is no Pulumi.${name}.yaml that can be read`,
      );
    if (next !== undefined && link.service !== next.service)
      throw broken(
        `releases for ${next.environment} come from ${name}, which is an environment of another service: ${link.service}, not ${next.service}`,
      );
    if (chain.includes(link))
      throw broken(`each comes from another: ${[link, ...chain].map((one) => one.environment).join(' → ')}`);
    chain.unshift(link);
  }
  return chain;
}

function broken(why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PROMOTION_CHAIN',
    message: `The order of the environments does not hold: ${why}.`,
    next: 'Correct `promotion.from` in their files; the first environment of a chain has none. Nothing was begun.',
  });
}
