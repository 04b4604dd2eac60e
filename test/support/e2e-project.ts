/** The project of an end-to-end test: the same files as an environment on AWS has, with the shortest times. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { z } from 'zod';
import type { imageSchema } from '../../src/domain/config';
import type { EnvironmentInput } from '../../src/domain/config/environment';

export const ENVIRONMENT = 'e2e';
export const SERVICE = 'shop';

export interface ProjectPlace {
  folder: string;
  bucket: string;
  region: string;
}

type ImageInput = z.input<typeof imageSchema>;
type DeploymentInput = NonNullable<EnvironmentInput['deployment']>;
type Change = (settings: Settings) => void;
/** The settings as they stand in the file: everything that a test may want to change is there. */
export type Settings = ReturnType<typeof settingsOf>;

function settingsOf({ bucket, region }: ProjectPlace) {
  return {
    service: SERVICE,
    bucket,
    regions: [region],
    network: { kind: 'default' as const },
    listeners: {
      production: { protocol: 'HTTP' as const, port: 8080, allowedCidrs: ['127.0.0.0/8'] },
      test: { port: 8081, allowedCidrs: ['127.0.0.0/8'] },
    },
    rules: [{ name: 'api', priority: 10, paths: ['/api/*'] }],
    targets: {
      port: 8080,
      healthCheck: {
        path: '/health',
        intervalSeconds: 5,
        timeoutSeconds: 2,
        healthyThreshold: 2,
        unhealthyThreshold: 2,
      },
      deregistrationDelaySeconds: 1,
    },
    fleet: { instanceTypes: ['t3.small'], minimum: 2, maximum: 4, healthGraceSeconds: 2 },
    deployment: {
      healthGate: { consecutive: 2, intervalSeconds: 0.5, timeoutSeconds: 60 },
      smoke: { requests: [{ path: '/health' }] as { path: string; bodyContains?: string }[] },
      proof: { path: '/', header: 'x-version', requests: 10, timeoutSeconds: 30 },
      strategy: { kind: 'all-at-once' } as NonNullable<DeploymentInput['strategy']>,
      growth: { kind: 'full' } as NonNullable<DeploymentInput['growth']>,
      analysis: {},
      soakSeconds: 1,
      retire: { when: 'on-request' as const },
      quietSeconds: 1,
    },
    alarms: { enabled: false },
  } satisfies EnvironmentInput;
}

/** Writes the project's three files; `change` may alter the settings first. */
export async function writeProject(place: ProjectPlace, change: Change = () => undefined): Promise<void> {
  const { folder, bucket, region } = place;
  await mkdir(folder, { recursive: true });
  const programs = path.resolve(__dirname, '../../dist/stacks/index.js');
  await writeYaml(path.join(folder, 'Pulumi.yaml'), {
    name: 'bascule',
    main: path.relative(folder, programs),
    runtime: { name: 'nodejs', options: { typescript: false } },
  });
  const image = { service: SERVICE, bucket, regions: [region] };
  await writeYaml(path.join(folder, 'Pulumi.image.yaml'), { config: { 'bascule:image': image } });
  const settings = settingsOf(place);
  change(settings);
  await writeYaml(environmentFile(folder), { config: { 'bascule:environment': settings } });
}

/** Changes the settings in the environment's file as a person would, and keeps what else is in it. */
export async function changeSettings(folder: string, change: Change): Promise<void> {
  const file = environmentFile(folder);
  const content = parse(await readFile(file, 'utf8')) as { config: Record<string, Settings> };
  change(content.config['bascule:environment'] as Settings);
  await writeYaml(file, content);
}

/** As changeSettings, for how images are baked. */
export async function changeImageSettings(folder: string, change: Partial<ImageInput>): Promise<void> {
  const file = path.join(folder, 'Pulumi.image.yaml');
  const content = parse(await readFile(file, 'utf8')) as { config: Record<string, ImageInput> };
  Object.assign(content.config['bascule:image'] ?? {}, change);
  await writeYaml(file, content);
}

function environmentFile(folder: string): string {
  return path.join(folder, `Pulumi.${ENVIRONMENT}.yaml`);
}

function writeYaml(file: string, content: unknown): Promise<void> {
  return writeFile(file, stringify(content));
}
