import type { BasculeError } from '../errors';
import type { StackPreview, Verdict } from './preview';

/** Why `deploy` would refuse, in the words it would refuse with. */
export type Refusal = Extract<Verdict, { kind: 'refused' }>['reasons'][number];

export function refusalOf({ code, message, details, next }: BasculeError): Refusal {
  return { code, message: [message, ...details].join('\n'), next };
}

/** What there is to do where the version is live already, and nobody insists on deploying it again. */
export function verdictOfLive(
  environment: string,
  version: string,
  stacks: { seen: readonly StackPreview[]; unknown: number },
): Extract<Verdict, { kind: 'nothing-to-do' | 'stacks-differ' }> {
  const head = `${environment} runs ${version} already`;
  const differing = stacks.seen.filter(({ resources }) => resources.length > 0);
  if (differing.length === 0 && stacks.unknown === 0)
    return { kind: 'nothing-to-do', message: `${head}, and no stack differs.` };
  const sentences = differing.map(({ stack, kind, resources }) =>
    kind === 'service'
      ? `\`bascule up ${environment}\` would change ${resources.length} resource(s) of the stack ${stack}.`
      : `The live fleet's stack ${stack} differs in ${resources.length} resource(s): the next deployment gives a new fleet what is configured (\`--force\` for the same version).`,
  );
  if (stacks.unknown > 0)
    sentences.push('What would become of some stacks could not be said; the warnings say why.');
  return {
    kind: 'stacks-differ',
    message: [`${head}, so a deployment has nothing to do; but not all is as configured.`, ...sentences].join(
      ' ',
    ),
  };
}
