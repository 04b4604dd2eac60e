import { z } from 'zod';
import { version } from './fields';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 sum in hexadecimal');

/** What the bake command asks of the image stack; `bascule:bake`. */
export const bakeSchema = z.strictObject({
  version: version.describe('The version to bake.'),
  sha256: sha256.describe("The bundle's checksum."),
  contentSha256: sha256.describe(
    'Checksum over all that makes the image: the packed folder and, for Packer, template, playbook and variables; tells a version from its changed twin.',
  ),
  bundleFile: z.string().min(1).describe('The bundle (.tar.gz) on this machine.'),
  id: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .optional()
    .describe('Names this bake, so that the script runs also where its order was carried out before.'),
  madeBy: z
    .string()
    .max(256)
    .optional()
    .describe('What builds, with versions: `packer 1.6.6, ansible 2.14.18`.'),
  revision: z.string().max(256).optional().describe('Git revision of the packed folder.'),
  schema: z
    .string()
    .regex(/^\d+-\d+$/)
    .optional()
    .describe('Range of database schemas that the release works with: `4-6`.'),
});

export type BakeConfig = z.output<typeof bakeSchema>;
