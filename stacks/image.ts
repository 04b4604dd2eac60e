import * as pulumi from '@pulumi/pulumi';
import * as command from '@pulumi/command';
import type { BakeConfig, ImageConfig } from '../src/domain/config';

/** What the bake script is told, as JSON in BASCULE_BAKE. */
export interface BakeOrder extends ImageConfig, BakeConfig {}

/**
 * The bake of one release: a script that puts the bundle into the bucket and registers an image in each
 * region. A Pulumi program: returns the stack's outputs. The script finds what was baked before, so that
 * running it again makes nothing twice; images stay when the next release takes this one's place here.
 */
export async function imageProgram(image: ImageConfig, bake: BakeConfig): Promise<Record<string, unknown>> {
  const order: BakeOrder = { ...image, ...bake };
  const baked = new command.local.Command('bake', {
    // Relative to the project, whose folder differs from machine to machine and so must not be in the state.
    create: 'node "${BASCULE_HOME:-.}/dist/automation/bake/bundle.js"',
    environment: { BASCULE_BAKE: JSON.stringify(order) },
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
