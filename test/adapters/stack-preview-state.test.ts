import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkpointOf, protectedIn, withoutRefusals } from '../../src/adapters/stack-preview-state';
import { bucketOf, outputsIn } from '../../src/adapters/stack-reading';
import type { StackState } from '../../src/adapters/stack-state';

afterEach(() => void vi.unstubAllEnvs());

describe('the bucket of a backend', () => {
  it('is understood with its region and the folder in it', () => {
    expect(bucketOf('s3://state?region=eu-west-3&awssdk=v2')).toEqual({
      name: 'state',
      region: 'eu-west-3',
      prefix: '',
    });
    expect(bucketOf('s3://state/a/b/?region=eu-west-3')?.prefix).toBe('a/b/');
    expect(bucketOf('s3://state?region=eu-west-3&prefix=p/')?.prefix).toBe('p/');
  });

  it('is in the region of the environment where the address names none', () => {
    vi.stubEnv('AWS_REGION', 'eu-north-1');
    expect(bucketOf('s3://state')?.region).toBe('eu-north-1');
  });

  it('is left to the engine where the address says more than is understood, or is no bucket of S3', () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', undefined);
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:5000');
    vi.stubEnv('AWS_REGION', 'eu-west-3');
    expect(bucketOf('s3://state?endpoint=http://127.0.0.1:5000&use_path_style=true')?.name).toBe('state');
    expect(bucketOf('s3://state?endpoint=http://elsewhere:9000')).toBeUndefined();
    expect(bucketOf('s3://state?profile=other')).toBeUndefined();
    expect(bucketOf('gs://state')).toBeUndefined();
    expect(bucketOf('file:///var/state')).toBeUndefined();
    expect(bucketOf(undefined)).toBeUndefined();
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_DEFAULT_REGION', undefined);
    expect(bucketOf('s3://state')).toBeUndefined();
  });
});

describe('a copy of a state', () => {
  const urn = 'urn:pulumi:production::bascule::aws:lb/loadBalancer:LoadBalancer::lb';
  const state: StackState = {
    version: 3,
    deployment: {
      secrets_providers: { type: 'passphrase', state: { salt: 'v1:abc' } },
      resources: [
        { urn: 'stack', type: 'pulumi:pulumi:Stack', outputs: { regions: { a: 1 }, config: { b: 2 } } },
        { urn, type: 'aws:lb/loadBalancer:LoadBalancer', id: 'lb', protect: true },
      ],
    },
  };

  it('has all of it in the form of a backend, the salt of its secrets included', () => {
    expect(JSON.parse(checkpointOf('production', state))).toEqual({
      version: 3,
      checkpoint: { stack: 'organization/bascule/production', latest: state.deployment },
    });
  });

  it('is that of a stack without resources where there is none', () => {
    const empty = { version: 3, checkpoint: { stack: 'organization/bascule/production', latest: null } };
    expect(JSON.parse(checkpointOf('production', undefined))).toEqual(empty);
    expect(JSON.parse(checkpointOf('production', { version: 3, deployment: {} }))).toEqual(empty);
  });

  it('can be without what makes the engine and the programs refuse', () => {
    const shown = withoutRefusals(state, ['config']);
    expect(protectedIn(state)).toEqual(new Set([urn]));
    expect(protectedIn(shown)).toEqual(new Set());
    expect(outputsIn(shown)).toEqual({ regions: { a: 1 } });
    expect(outputsIn(state)).toEqual({ regions: { a: 1 }, config: { b: 2 } });
    expect(shown?.deployment['secrets_providers']).toEqual(state.deployment['secrets_providers']);
    expect(withoutRefusals(undefined)).toBeUndefined();
  });
});
