import * as pulumi from '@pulumi/pulumi';
import * as command from '@pulumi/command';
import type { BakeOrder } from '../src/domain/bake-order';
import type { BakeConfig, ImageConfig } from '../src/domain/config';

/**
 * The bake of one release: a script that makes its image and puts it into each region. A Pulumi program:
 * returns the stack's outputs. The script finds what was baked before, so that running it again makes nothing
 * twice; images stay when the next release takes this one's place here.
 */
export async function imageProgram(image: ImageConfig, bake: BakeConfig): Promise<Record<string, unknown>> {
  const order: BakeOrder = { ...image, ...bake };
  const baked = new command.local.Command('bake', {
    // Relative to the project, whose folder differs from machine to machine and so must not be in the state.
    // The shell makes way for the script, so that a signal to the command reaches it.
    create: 'exec node "${BASCULE_HOME:-.}/dist/automation/bake/main.js"',
    environment: { BASCULE_BAKE: JSON.stringify(order) },
    // Its steps are told on standard error; with one variable of all of it the next bake could not begin
    // (Linux allows 128 KiB for each).
    logging: 'stderr',
    addPreviousOutputInEnv: false,
    triggers: [bake.version, bake.contentSha256],
  });
  return { images: baked.stdout.apply(imagesIn), version: bake.version };
}

/** The script's last line: `{"images": {"eu-west-3": "ami-…"}}`. */
function imagesIn(stdout: string): Record<string, string> {
  const last = stdout.trim().split('\n').at(-1) ?? '';
  try {
    const answer = JSON.parse(last) as { images?: Record<string, string> };
    if (answer.images !== undefined) return answer.images;
  } catch {
    // Said below, together with the case of JSON that names no images.
  }
  throw new pulumi.RunError(`The bake script did not say which images it made; its last line is: ${last}`);
}
