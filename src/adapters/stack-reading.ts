import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { PROJECT } from '../domain/config';
import { messageOf } from '../domain/errors';
import { backendInUse } from './access';
import { createClients } from './aws';
import { runEngine, type EnginePlace } from './engine-command';
import { Objects } from './objects';
import { untilAnswered } from './stack-silence';
import { parseState, resourcesOf, type StackState } from './stack-state';

/**
 * A stack's state as it is kept now; undefined where there is no such stack. A bucket is read past the engine:
 * the engine writes into one that it never saw before, and takes half a second to start.
 */
export async function readState(place: EnginePlace): Promise<StackState | undefined> {
  const bucket = bucketOf(await backendOf(place.projectFolder));
  return bucket === undefined ? exported(place) : stored(bucket, place);
}

/** Where Pulumi keeps state: the environment's own place, or in Pulumi's order: variables, the project, the login. */
export async function backendOf(projectFolder: string): Promise<string | undefined> {
  const fromEnvironment = backendInUse() ?? process.env['PULUMI_BACKEND_URL'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  const project = await readYaml(path.join(projectFolder, 'Pulumi.yaml'));
  const backend = project?.['backend'] as { url?: string } | undefined;
  if (backend?.url !== undefined) return backend.url;
  const home =
    process.env['PULUMI_CREDENTIALS_PATH'] ?? process.env['PULUMI_HOME'] ?? path.join(homedir(), '.pulumi');
  return (await readYaml(path.join(home, 'credentials.json')))?.['current'] as string | undefined;
}

async function readYaml(file: string): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : ((parse(text) as Record<string, unknown> | null) ?? undefined);
}

interface StateBucket {
  name: string;
  region: string;
  prefix: string;
}

/** What of a backend's address is understood here; with anything else in it the engine is asked. */
const UNDERSTOOD = new Set(['region', 'endpoint', 'prefix', 'awssdk', 'use_path_style', 's3ForcePathStyle']);

/** The bucket of an address such as `s3://state/folder?region=eu-west-3`; undefined where the engine has to be asked. */
export function bucketOf(address: string | undefined): StateBucket | undefined {
  if (address?.startsWith('s3://') !== true) return undefined;
  const { hostname: name, pathname, searchParams } = new URL(address);
  const region = searchParams.get('region') ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  const endpoint = searchParams.get('endpoint');
  const ours = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  if (region === undefined || (endpoint !== null && endpoint !== ours)) return undefined;
  if ([...searchParams.keys()].some((key) => !UNDERSTOOD.has(key))) return undefined;
  const folder = pathname.replace(/^\/+|\/+$/g, '');
  return { name, region, prefix: `${searchParams.get('prefix') ?? ''}${folder === '' ? '' : `${folder}/`}` };
}

async function stored(bucket: StateBucket, place: EnginePlace): Promise<StackState | undefined> {
  const objects = new Objects(createClients(bucket.region).s3, bucket.name);
  const key = `${bucket.prefix}.pulumi/stacks/${PROJECT}/${place.stack}.json`;
  const found = await objects.get(key);
  if (found !== undefined) return stateOf(found.text);
  // Compressed states (PULUMI_DIY_BACKEND_GZIP) are left to the engine, which wrote them.
  const variants = await objects.list(`${key}.`);
  return variants.some((one) => /\.(gz|zst)$/.test(one)) ? exported(place) : undefined;
}

async function exported(place: EnginePlace): Promise<StackState | undefined> {
  try {
    return parseState(await untilAnswered(() => runEngine(place, ['stack', 'export'])));
  } catch (thrown) {
    if (/no stack named/.test(messageOf(thrown))) return undefined;
    throw thrown;
  }
}

interface Checkpoint {
  version: number;
  checkpoint: { stack: string; latest: unknown };
}

/** A state as the engine keeps it in a backend's folder, and as it exports it. */
function stateOf(text: string): StackState {
  const { checkpoint, ...rest } = JSON.parse(text) as Checkpoint;
  return parseState(JSON.stringify({ ...rest, deployment: checkpoint.latest ?? null }));
}

/** What a stack gave when it was last applied; empty where it never was. */
export function outputsIn(state: StackState | undefined): Record<string, unknown> {
  return (state && resourcesOf(state).find(({ type }) => type === STACK)?.outputs) ?? {};
}

/** The type of the resource that stands for the stack itself. */
export const STACK = 'pulumi:pulumi:Stack';
