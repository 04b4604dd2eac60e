import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import {
  ENVIRONMENT_KEY,
  pathText,
  PROJECT,
  type EnvironmentConfig,
  type Parsed,
} from '../src/domain/config';

/** The value of one of this stack's configuration keys, written `bascule:<name>`; undefined without one. */
export function stackSetting(key: string): unknown {
  return new pulumi.Config(PROJECT).getObject<unknown>(key.slice(PROJECT.length + 1));
}

/**
 * The configuration that was parsed, or an error that lists every problem. A RunError is shown by Pulumi as
 * it stands, without a stack trace.
 */
export function accepted<T>(parsed: Parsed<T>, where: string): T {
  if (parsed.ok) return parsed.config;
  const lines = parsed.problems.map(({ path, message }) => {
    const inner = pathText(path);
    return `  ${where}${inner === '' || inner.startsWith('[') ? '' : '.'}${inner}: ${message}`;
  });
  throw new pulumi.RunError(`The configuration is not right; nothing was touched.\n${lines.join('\n')}`);
}

/** `Pulumi.production.yaml: bascule:environment`, the beginning of a problem's place. */
export function environmentPlace(environment: string): string {
  return `Pulumi.${environment}.yaml: ${ENVIRONMENT_KEY}`;
}

/** The outputs of another stack of this project, or of this one as they were before; empty without any. */
export async function outputsOf(stack: string, names: string[]): Promise<Record<string, unknown>> {
  const fullName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const reference = new pulumi.StackReference(fullName);
  const values = names.map(async (name) => [name, (await reference.getOutputDetails(name)).value as unknown]);
  return Object.fromEntries(await Promise.all(values)) as Record<string, unknown>;
}

/** What the resources of an environment share. */
export interface Scope {
  environment: string;
  config: EnvironmentConfig;
  provider: aws.Provider;
}

/**
 * The one provider of a stack: each resource names its own region. `region` is where the provider itself is
 * at home; it must never change, since Pulumi would replace every resource of the provider.
 */
export function scopeOf(environment: string, config: EnvironmentConfig, region: string): Scope {
  const provider = new aws.Provider('aws', {
    region,
    ...(config.account === undefined ? {} : { allowedAccountIds: [config.account] }),
  });
  return { environment, config, provider };
}

/** The tags of a resource: the environment's own and those by which Bascule and people find it. */
export function tagsOf(
  scope: Scope,
  name: string,
  more: Record<string, string> = {},
): Record<string, string> {
  const { config, environment } = scope;
  return { ...config.tags, service: config.service, environment, ...more, Name: name };
}
