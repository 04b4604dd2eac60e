import { readFile } from 'node:fs/promises';
import { accountOfRole, type Access } from '../domain/config/access';
import { BasculeError, messageOf } from '../domain/errors';
import { ambient, Credentials, hasExpired, keptUntilLate } from './aws-credentials';
import type { Chain, ChainStart, Keys } from './aws-credentials';
import { awsError, awsErrorStatus, isThrottling } from './aws-errors';

interface InUse {
  access: Access | undefined;
  /** Where STS is asked, and the engine's region where nothing else names one. */
  region: string | undefined;
}

let inUse: InUse = { access: undefined, region: undefined };
const made = new Map<string, Credentials>();

/**
 * From here on all that this process does in AWS, by the SDK and by the engine, is done with this access; without
 * one, with what the SDK finds by itself. `region` is the environment's first.
 */
export function useAccess(access: Access | undefined, region?: string): void {
  inUse = { access, region };
}

export function accessInUse(): Access | undefined {
  return inUse.access;
}

/** What tells an access from others, as far as it matters for calls; empty for what the SDK finds by itself. */
export function accessKey(access: Access | undefined): string {
  if (access === undefined) return '';
  const { backendUrl: _, ...rest } = access;
  return isAmbient(access) ? '' : JSON.stringify(rest);
}

/** One for each access in the whole process, so that a role is assumed once. */
export function credentialsOf(access: Access | undefined, region?: string): Credentials {
  const key = accessKey(access);
  const credentials =
    made.get(key) ??
    (access === undefined || key === ''
      ? new Credentials()
      : new Credentials(chainStart(access, access === inUse.access ? (inUse.region ?? region) : region)));
  made.set(key, credentials);
  return credentials;
}

function isAmbient({ credentials, roleArn }: Access): boolean {
  return credentials.kind === 'ambient' && roleArn === undefined;
}

/** How the credentials of an access come about, each renewed before its end. */
export function chainStart(
  access: Access,
  region: string | undefined,
  now: () => number = Date.now,
): ChainStart {
  return (anew) => {
    const first = keptUntilLate(() => firstKeys(access, region, anew), now);
    const { roleArn } = access;
    return roleArn === undefined ? first : keptUntilLate(() => assumed(access, roleArn, first, region), now);
  };
}

/** STS is asked in the environment's own region: the one endpoint of all regions is in us-east-1 (IAM user guide). */
function stsConfig(region: string | undefined) {
  const requestHandler = { connectionTimeout: 5_000, requestTimeout: 15_000, throwOnRequestTimeout: true };
  return { ...(region === undefined ? {} : { region }), maxAttempts: 6, requestHandler };
}

async function firstKeys(access: Access, region: string | undefined, anew: boolean): Promise<Keys> {
  const { credentials } = access;
  switch (credentials.kind) {
    case 'ambient':
      return ambient(anew)();
    case 'profile':
      return keysOfProfile(credentials.name, region);
    case 'web-identity':
      return exchanged(access, credentials, region);
  }
}

async function keysOfProfile(profile: string, region: string | undefined): Promise<Keys> {
  // Only here, as below: most commands need none of it.
  const { fromIni } = await import('@aws-sdk/credential-providers');
  const chain = fromIni({ profile, ignoreCache: true, clientConfig: stsConfig(region) });
  return chain().catch((thrown: unknown) => {
    throw refused(`The profile ${profile} gives no credentials`, thrown, [
      `\`aws sts get-caller-identity --profile ${profile}\` shows whether it works at all;`,
      'where it is of IAM Identity Center, sign in with `aws sso login`.',
    ]);
  });
}

type WebIdentity = Extract<Access['credentials'], { kind: 'web-identity' }>;

async function exchanged(access: Access, from: WebIdentity, region: string | undefined): Promise<Keys> {
  const webIdentityToken = await tokenOf(from);
  const { fromWebToken } = await import('@aws-sdk/credential-providers');
  const chain = fromWebToken({
    roleArn: from.roleArn,
    roleSessionName: access.sessionName,
    webIdentityToken,
    durationSeconds: access.durationSeconds,
    clientConfig: stsConfig(region),
  });
  return chain().catch((thrown: unknown) => {
    throw refused(`The token was not accepted for the role ${from.roleArn}`, thrown, [
      `Look at the identity provider in account ${accountOfRole(from.roleArn)} and at the role's trust policy:`,
      'issuer, audience and subject have to be those of the token. See docs/accounts.md.',
    ]);
  });
}

async function assumed(
  access: Access,
  roleArn: string,
  chain: Chain,
  region: string | undefined,
): Promise<Keys> {
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
  const { externalId, sessionName, sessionTags, durationSeconds } = access;
  const tags = Object.entries(sessionTags).map(([Key, Value]) => ({ Key, Value }));
  const assume = fromTemporaryCredentials({
    params: {
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      DurationSeconds: durationSeconds,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(tags.length === 0 ? {} : { Tags: tags }),
    },
    masterCredentials: Object.assign(() => chain(), { memoized: true }),
    clientConfig: stsConfig(region),
  });
  return assume().catch((thrown: unknown) => {
    // Whoever made the call reads the first credentials anew then.
    if (hasExpired(thrown)) throw thrown;
    throw refused(`The role ${roleArn} cannot be assumed`, thrown, [
      `Allow sts:AssumeRole${tags.length === 0 ? '' : ' and sts:TagSession'} on it to the first credentials, and`,
      "in the role's trust policy too. See docs/accounts.md.",
    ]);
  });
}

/** What STS, or a file, will answer the next time as well; anything else stays as it is. */
function refused(what: string, thrown: unknown, next: string[]): unknown {
  if (thrown instanceof BasculeError) return thrown;
  const status = awsErrorStatus(thrown);
  const final = (status >= 400 && status < 500 && !isThrottling(thrown)) || isProviders(thrown);
  if (!final) return thrown;
  return new BasculeError({
    code: 'BASCULE_ACCESS_REFUSED',
    message: `${what}: ${messageOf(thrown)}`,
    next: next.join(' '),
    cause: thrown,
  });
}

function isProviders(thrown: unknown): boolean {
  return /^(CredentialsProviderError|ProviderError|TokenProviderError)$/.test((thrown as Error).name);
}

async function tokenOf({ tokenVariable, tokenFile, githubAudience }: WebIdentity): Promise<string> {
  if (tokenVariable !== undefined) {
    const token = process.env[tokenVariable] ?? '';
    if (token !== '') return token;
    throw tokenMissing(`the variable ${tokenVariable} is empty or not set`);
  }
  if (tokenFile !== undefined) {
    const text = await readFile(tokenFile, 'utf8').catch((thrown: unknown) => {
      throw tokenMissing(`the file ${tokenFile} cannot be read (${messageOf(thrown)})`);
    });
    if (text.trim() !== '') return text.trim();
    throw tokenMissing(`the file ${tokenFile} is empty`);
  }
  return githubToken(githubAudience ?? '');
}

/** GitHub documentation, "OpenID Connect reference", "Methods for requesting the OIDC token". */
async function githubToken(audience: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = process.env;
  if (address === undefined || bearer === undefined)
    throw tokenMissing('this is no job of GitHub Actions with `permissions: id-token: write`');
  const url = new URL(address);
  url.searchParams.set('audience', audience);
  const headers = { authorization: `Bearer ${bearer}` };
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(15_000) });
    const { value } = (await response.json()) as { value?: string };
    if (value !== undefined) return value;
    throw new Error(`status ${response.status}`);
  } catch (thrown) {
    throw tokenMissing(`GitHub gave none (${messageOf(thrown)})`);
  }
}

function tokenMissing(why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_TOKEN_MISSING',
    message: `There is no token to get AWS credentials with: ${why}.`,
    next: "Let the job have one (`id_tokens` in GitLab CI, `permissions: id-token: write` in GitHub Actions), or name its place in `access.credentials` of the environment's file. See docs/accounts.md.",
  });
}

/** Variables by which the SDKs find credentials; what is left of them would come before the keys, or beside them. */
const FOREIGN = [
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_SECURITY_TOKEN',
  'AWS_SESSION_TOKEN',
];

/** Keys that are older are got anew for the engine: it cannot renew them while it runs. */
const OLDEST_MILLISECONDS = 5 * 60_000;

/** The variables of the engine, its plugins, and the commands that they run. */
export async function engineEnvironment(): Promise<NodeJS.ProcessEnv> {
  const variables = await engineVariables();
  const blank = Object.keys(variables).filter((name) => variables[name] === '');
  const whole = Object.entries({ ...process.env, ...variables });
  return Object.fromEntries(whole.filter(([name]) => !blank.includes(name)));
}

/** What of them is not as in this process; empty where it must not be set. */
export async function engineVariables(): Promise<Record<string, string>> {
  const { access, region } = inUse;
  if (access === undefined) return {};
  const { backendUrl } = access;
  const backend: Record<string, string> = backendUrl === undefined ? {} : { PULUMI_BACKEND_URL: backendUrl };
  if (isAmbient(access)) return backend;
  const keys = await freshKeys(access);
  const home = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? region;
  return {
    ...Object.fromEntries(FOREIGN.map((name) => [name, ''])),
    ...backend,
    // A profile may have told it, and is not there any more.
    ...(home === undefined ? {} : { AWS_REGION: home }),
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(keys.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
  };
}

async function freshKeys(access: Access): Promise<Keys> {
  const credentials = credentialsOf(access);
  try {
    return await keysOf(credentials, access).catch((thrown: unknown) => {
      if (!hasExpired(thrown)) throw thrown;
      credentials.renew();
      return keysOf(credentials, access);
    });
  } catch (thrown) {
    throw awsError(thrown, 'sts:AssumeRole');
  }
}

async function keysOf(credentials: Credentials, access: Access): Promise<Keys> {
  const keys = await credentials.provide();
  const left = (keys.expiration?.getTime() ?? Infinity) - Date.now();
  return left < access.durationSeconds * 1000 - OLDEST_MILLISECONDS
    ? credentials.provide({ forceRefresh: true })
    : keys;
}

/** Pulumi's backend for the stacks, where the environment has its own. */
export function backendInUse(): string | undefined {
  return inUse.access?.backendUrl;
}
