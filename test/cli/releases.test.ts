import { describe, expect, it } from 'vitest';
import { planText } from '../../automation/cli/output/preview-words';
import { renderWays } from '../../automation/cli/output/releases';
import type { Preview } from '../../src/domain/preview/preview';
import type { ReleaseIn, ReleaseWay } from '../../src/domain/release-way';

function station(environment: string, change: Partial<ReleaseIn> = {}): ReleaseIn {
  return {
    environment,
    known: true,
    deployment: null,
    deployedAt: null,
    outcome: null,
    soakedSeconds: null,
    live: false,
    tests: null,
    promotion: null,
    ...change,
  };
}

function way(version: string, ...environments: ReleaseIn[]): ReleaseWay {
  return { version, bakedAt: Date.UTC(2026, 10, 21, 10, 5), contentSha256: 'c', environments };
}

describe('the releases for people', () => {
  it('stand with their way, and below what may go on and what may not', () => {
    const tests = { passed: 2, all: 2 };
    const why = '2 has been live in int for 1 min of 5 min';
    const text = renderWays({
      releases: [
        way(
          '2',
          station('int', { outcome: 'succeeded', live: true, soakedSeconds: 60, tests }),
          station('staging', { promotion: { from: 'int', allowed: false, why } }),
        ),
        way(
          '1',
          station('int', { outcome: 'succeeded', soakedSeconds: 3600, tests }),
          station('staging', { promotion: { from: 'int', allowed: true, why: '' } }),
        ),
        way(
          '0',
          station('int', { outcome: 'rolled-back', tests: { passed: 0, all: 0 } }),
          station('staging'),
        ),
      ],
      unread: [{ environment: 'production', code: 'BASCULE_AWS_DENIED', why: 'not yours' }],
    });
    expect(text.split('\n').map((line) => line.trimEnd().replace(/ {2,}/g, ' | '))).toEqual([
      'version | baked | int | staging',
      '2 | 2026-11-21T10:05Z | live 1 min, 2/2 tests | -',
      '1 | 2026-11-21T10:05Z | succeeded, was live 1 h, 2/2 tests | may be promoted',
      '0 | 2026-11-21T10:05Z | rolled-back | -',
      `2 → staging: not yet; ${why}`,
      '1 → staging: bascule promote 1 --to staging',
      'note: production cannot be read: not yours',
    ]);
  });

  it('are none at first', () => {
    expect(renderWays({ releases: [], unread: [] })).toBe('There is no release yet.');
  });
});

describe('how a plan is run', () => {
  const preview = { hash: 'plan-1', environment: 'production', version: '2', verdict: { kind: 'changes' } };

  it('is a promotion where releases come from another environment', () => {
    expect(planText(preview as Preview)).toContain('bascule deploy production --version 2 --plan plan-1');
    expect(planText({ ...preview, promotedFrom: 'staging' } as Preview)).toContain(
      'bascule promote 2 --to production --plan plan-1',
    );
  });
});
