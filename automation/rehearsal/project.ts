import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';

export interface RehearsalSettings {
  /** Where the rehearsal's own project is put. */
  folder: string;
  /** The compiled Pulumi programs. */
  programs: string;
  bucket: string;
  region: string;
  healthPath: string;
  /** The header in which the service names its version; null when it names none. */
  versionHeader: string | null;
}

/** The environment that every rehearsal uses. */
export const REHEARSAL = 'rehearsal';
export const SERVICE = 'shop';

/**
 * Writes a project of its own for the rehearsal, so that nothing under version control changes: the files
 * are of the same kind as those of an environment on AWS, with times that suit a laptop.
 */
export async function writeProject(settings: RehearsalSettings): Promise<void> {
  await mkdir(settings.folder, { recursive: true });
  const main = path.relative(settings.folder, settings.programs);
  const project = { name: 'bascule', main, runtime: { name: 'nodejs', options: { typescript: false } } };
  const files: Record<string, unknown> = {
    'Pulumi.yaml': project,
    [`Pulumi.${REHEARSAL}.yaml`]: { config: { 'bascule:environment': environment(settings) } },
    'Pulumi.image.yaml': { config: { 'bascule:image': image(settings) } },
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(settings.folder, name), stringify(content));
}

function image({ bucket, region }: RehearsalSettings): Record<string, unknown> {
  return { service: SERVICE, bucket, regions: [region] };
}

function environment(settings: RehearsalSettings): Record<string, unknown> {
  const { bucket, region, healthPath, versionHeader } = settings;
  const proof =
    versionHeader === null
      ? {}
      : { proof: { path: '/', header: versionHeader, requests: 20, timeoutSeconds: 30 } };
  return {
    service: SERVICE,
    bucket,
    regions: [region],
    network: { kind: 'default' },
    listeners: {
      production: { protocol: 'HTTP', port: 8080, allowedCidrs: ['127.0.0.0/8'] },
      test: { port: 8081, allowedCidrs: ['127.0.0.0/8'] },
    },
    rules: [
      { name: 'api', priority: 10, paths: ['/api/*'] },
      { name: 'slow', priority: 20, paths: ['/slow'] },
    ],
    targets: {
      port: 8080,
      healthCheck: { path: healthPath, intervalSeconds: 5, timeoutSeconds: 2, unhealthyThreshold: 2 },
      deregistrationDelaySeconds: 10,
    },
    fleet: { instanceTypes: ['t3.small'], minimum: 2, maximum: 4, healthGraceSeconds: 15 },
    deployment: {
      healthGate: { consecutive: 3, intervalSeconds: 1, timeoutSeconds: 60 },
      smoke: { requests: [{ path: healthPath }] },
      ...proof,
      soakSeconds: 5,
      retire: { when: 'on-request' },
    },
  };
}
