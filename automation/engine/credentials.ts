import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Component } from './doctor';

/**
 * Says which AWS credentials a command would use, in the SDK's own order, without asking AWS and without
 * reading more of the credentials than the names of their profiles.
 */
export async function awsCredentials(env: NodeJS.ProcessEnv): Promise<Component> {
  const found = fromEnvironment(env) ?? (await fromFiles(env));
  const name = 'AWS credentials';
  if ('source' in found) return { name, status: 'ok', needed: false, ...found };
  return { name, status: 'missing', needed: false, ...found };
}

type Finding = { version: string; source: string } | { next: string };

function fromEnvironment(env: NodeJS.ProcessEnv): Finding | undefined {
  // A profile that was named wins over keys in the environment.
  if (env['AWS_PROFILE']) return undefined;
  if (env['AWS_ACCESS_KEY_ID'] && env['AWS_SECRET_ACCESS_KEY']) {
    const endpoint = env['AWS_ENDPOINT_URL'] ? `, for ${env['AWS_ENDPOINT_URL']}` : '';
    return { version: 'present', source: `environment variables${endpoint}` };
  }
  if (env['AWS_WEB_IDENTITY_TOKEN_FILE']) return { version: 'present', source: 'web identity token' };
  if (env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] || env['AWS_CONTAINER_CREDENTIALS_FULL_URI']) {
    return { version: 'present', source: 'container role' };
  }
  return undefined;
}

async function fromFiles(env: NodeJS.ProcessEnv): Promise<Finding> {
  const folder = path.join(env['HOME'] ?? os.homedir(), '.aws');
  const files = [
    env['AWS_SHARED_CREDENTIALS_FILE'] ?? path.join(folder, 'credentials'),
    env['AWS_CONFIG_FILE'] ?? path.join(folder, 'config'),
  ];
  const profiles = new Set((await Promise.all(files.map(profilesIn))).flat());
  const wanted = env['AWS_PROFILE'] ?? 'default';
  if (profiles.has(wanted)) return { version: 'present', source: `profile ${wanted}` };
  const others =
    profiles.size > 0 ? `; profiles there are: ${[...profiles].join(', ')} (set AWS_PROFILE)` : '';
  return {
    next: `only needed to deploy to AWS: no keys in the environment, no profile "${wanted}"${others}`,
  };
}

async function profilesIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return [...text.matchAll(/^\s*\[\s*(?:profile\s+)?([^\]\s]+)\s*\]/gm)].flatMap((match) => match[1] ?? []);
}
