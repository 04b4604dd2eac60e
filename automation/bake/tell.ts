import { bakeLine, type BakeEvent } from '../../src/domain/bake-progress';

export type Tell = (event: BakeEvent) => void;

/** Tells on standard error; whoever read it may be gone, which ends nothing. */
export function tellOnStderr(): Tell {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return (event) => void process.stderr.write(`${bakeLine(event)}\n`);
}
