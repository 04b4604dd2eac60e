import * as path from 'node:path';
import { plainEnvironment } from '../lifecycle/part';
import { MARKER } from '../lifecycle/processes';
import { SANDBOX_KEY } from '../lifecycle/settings';
import type { InstanceState } from '../contract';

/** Whatever follows this in an instance's user data, on the same line, is a JSON object of variables. */
const USER_DATA_MARK = '#bascule:environment';

export interface InstancePlace {
  /** The sandbox's folder. */
  sandbox: string;
  /** The unpacked release. */
  release: string;
  /** What the release's own unit sets; whatever else is set goes before it. */
  variables: Record<string, string>;
  port: number;
  /** The control plane, for releases that use AWS themselves. */
  endpoint: string;
}

/**
 * The whole environment of an instance's process. It starts from almost nothing: what happens to be set in
 * the shell that started the sandbox, credentials above all, is not on a machine in AWS either.
 */
export function instanceEnvironment(instance: InstanceState, place: InstancePlace): Record<string, string> {
  const base = plainEnvironment();
  const tag = (name: string) => instance.tags[name] ?? instance.imageTags[name] ?? '';
  return {
    ...base,
    PATH: [path.join(place.release, 'node_modules', '.bin'), path.dirname(process.execPath), base['PATH']]
      .filter((entry) => entry !== undefined)
      .join(path.delimiter),
    ...place.variables,
    AWS_ENDPOINT_URL: place.endpoint,
    AWS_ACCESS_KEY_ID: SANDBOX_KEY,
    AWS_SECRET_ACCESS_KEY: SANDBOX_KEY,
    AWS_REGION: instance.region,
    AWS_DEFAULT_REGION: instance.region,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...userDataEnvironment(instance.userData),
    // After the user data: who the instance is and where it listens is not for the release to say.
    HOST: '127.0.0.1',
    PORT: String(place.port),
    BASCULE_SERVICE: tag('service'),
    BASCULE_ENVIRONMENT: tag('environment'),
    BASCULE_COLOUR: tag('colour'),
    BASCULE_VERSION: tag('version'),
    BASCULE_INSTANCE_ID: instance.id,
    BASCULE_REGION: instance.region,
    [MARKER]: place.sandbox,
  };
}

/** The variables that an instance's user data names; none where it names none or not as a JSON object. */
export function userDataEnvironment(userData: string | null): Record<string, string> {
  if (!userData) return {};
  const text = userData.includes(USER_DATA_MARK)
    ? userData
    : Buffer.from(userData, 'base64').toString('utf8');
  const line = text.split('\n').find((candidate) => candidate.trimStart().startsWith(USER_DATA_MARK));
  if (line === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(line.trimStart().slice(USER_DATA_MARK.length));
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  const entries = Object.entries(value).filter(
    ([, content]) => content !== null && typeof content !== 'object',
  );
  return Object.fromEntries(entries.map(([name, content]) => [name, String(content)]));
}
