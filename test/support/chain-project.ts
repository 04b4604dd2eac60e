/** A project with three environments, each in an account of its own, in the order of promotion. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { EnvironmentInput } from '../../src/domain/config/environment';
import type { LiveEnvironment } from './e2e';
import { ENVIRONMENT, type Settings } from './e2e-project';
import { must } from './until';

export const CHAIN = ['int', 'staging', 'production'] as const;
export type Link = (typeof CHAIN)[number];

/** What one environment has beside the others. */
export type Own = Partial<Record<Link, Partial<EnvironmentInput>>>;

/** Writes the files of the three in place of the project's only environment. */
export async function writeChain(live: LiveEnvironment, own: Own): Promise<void> {
  const file = (name: string): string => path.join(live.project, `Pulumi.${name}.yaml`);
  const text = await readFile(file(ENVIRONMENT), 'utf8');
  const settings = (parse(text) as { config: Record<string, Settings> }).config['bascule:environment'];
  for (const [index, name] of CHAIN.entries()) {
    const account = must(live.info.accounts[index], `account of ${name}`);
    const { backendUrl } = live.info;
    const environment = {
      ...settings,
      bucket: account.bucket,
      account: account.id,
      // The account of the first one is that of the keys.
      ...(index > 0 && {
        access: {
          roleArn: account.roles.deploy,
          backendUrl: backendUrl.replace(live.info.bucket, account.bucket),
        },
        promotion: { from: must(CHAIN[index - 1]) },
      }),
      ...own[name],
    };
    await writeFile(file(name), stringify({ config: { 'bascule:environment': environment } }));
  }
  await rm(file(ENVIRONMENT));
}
