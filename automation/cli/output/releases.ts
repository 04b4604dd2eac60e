import { duration } from '../../../src/domain/duration';
import type { ReleaseIn, ReleaseWay } from '../../../src/domain/release-way';
import type { Releases } from '../../operations/releases';
import { table } from './tables';

/** Releases with their way through the environments, for people; the newest first. */
export function renderWays({ releases, unread }: Releases): string {
  const notes = unread.map(({ environment, why }) => `note: ${environment} cannot be read: ${why}`);
  if (releases.length === 0) return ['There is no release yet.', ...notes].join('\n');
  const environments = releases[0]?.environments.map(({ environment }) => environment) ?? [];
  const rows = releases.map((way) => [
    way.version,
    momentText(way.bakedAt),
    ...way.environments.map(standing),
  ]);
  const lines = table([['version', 'baked', ...environments], ...rows]);
  return [lines, ...releases.flatMap(waiting), ...notes].join('\n');
}

function momentText(at: number | null): string {
  return at === null ? 'unknown' : `${new Date(at).toISOString().slice(0, 16)}Z`;
}

/** `live 3 h 5 min, 2/2 tests`, `succeeded, live for 10 min`, `rolled-back`, `-`. */
function standing({ known, outcome, live, soakedSeconds, tests, promotion }: ReleaseIn): string {
  if (!known) return 'unknown';
  if (outcome === null) return promotion?.allowed === true ? 'may be promoted' : '-';
  const tested = tests === null || tests.all === 0 ? '' : `, ${tests.passed}/${tests.all} tests`;
  if (live) return `live ${duration(soakedSeconds ?? 0)}${tested}`;
  const was = soakedSeconds === null ? '' : `, was live ${duration(soakedSeconds)}`;
  return `${outcome}${was}${tested}`;
}

/** Why a version that is live in one environment may not go on to the next yet. */
function waiting({ version, environments }: ReleaseWay): string[] {
  return environments.flatMap(({ environment, outcome, promotion }) => {
    if (promotion === null || outcome === 'succeeded') return [];
    const reached = environments.some((one) => one.environment === promotion.from && one.outcome !== null);
    if (!reached) return [];
    return [
      promotion.allowed
        ? `${version} → ${environment}: bascule promote ${version} --to ${environment}`
        : `${version} → ${environment}: not yet; ${promotion.why}`,
    ];
  });
}
