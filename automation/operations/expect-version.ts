import { assessLive } from '../../src/domain/probe';
import type { ProbeAnswer } from '../../src/ports';
import type { RegionStatus } from './region-status';
import type { Session } from './session';

/** Requests under way at once, each over a connection of its own. */
const BATCH = 10;

export interface RegionExpectation {
  region: string;
  /** What was asked, on the path of `deployment.proof`. */
  url: string;
  /** Whether every request was answered by that version, and nothing else is known that says otherwise. */
  proven: boolean;
  /** How many requests were answered by what: a version, or in words. */
  answered: Record<string, number>;
  /** Why it is not proven; empty where it is. */
  problems: string[];
}

export interface Expectations {
  version: string;
  /** Requests to each region. */
  requests: number;
  proven: boolean;
  regions: RegionExpectation[];
}

/** Asks the production traffic of every region which release answers; its tags alone prove nothing. */
export async function expectVersion(
  session: Session,
  regions: readonly RegionStatus[],
  { version, requests }: { version: string; requests: number },
): Promise<Expectations> {
  const asked = await Promise.all(regions.map((region) => askRegion(session, region, { version, requests })));
  return { version, requests, proven: asked.every(({ proven }) => proven), regions: asked };
}

async function askRegion(
  session: Session,
  { region, url, unknown, live }: RegionStatus,
  { version, requests }: { version: string; requests: number },
): Promise<RegionExpectation> {
  const { path, header } = session.policy.proof;
  const answers = await askAll(session, url, requests);
  const answered: Record<string, number> = {};
  for (const answer of answers) {
    const by = answeredBy(answer, header);
    answered[by] = (answered[by] ?? 0) + 1;
  }
  const wrong = answers.flatMap((answer) => assessLive(answer, header, version) ?? []);
  const problems = [
    ...(header === null ? ['no header tells which release answers: configure deployment.proof.header'] : []),
    ...(wrong.length > 0 ? [`${wrong.length} of ${requests} requests: ${wrong[0]}`] : []),
    // The requests take one route, and few of them: what others get, only weights tell.
    ...(unknown === null && live === null
      ? ['its production routes give both colours, or none, weight']
      : []),
    ...(unknown === null
      ? []
      : ['its weights cannot be read, so that other routes may serve something else']),
  ];
  return { region, url: `${url}${path}`, proven: problems.length === 0, answered, problems };
}

async function askAll({ world, policy }: Session, url: string, requests: number): Promise<ProbeAnswer[]> {
  const request = { path: policy.proof.path, method: 'GET', headers: {}, timeoutSeconds: 10 };
  const answers: ProbeAnswer[] = [];
  while (answers.length < requests) {
    const batch = Math.min(BATCH, requests - answers.length);
    const more = Array.from({ length: batch }, () => world.prober.request(url, request));
    answers.push(...(await Promise.all(more)));
  }
  return answers;
}

function answeredBy(answer: ProbeAnswer, header: string | null): string {
  if (answer.kind === 'no-answer') return answer.reason;
  const version = header === null ? undefined : answer.headers[header.toLowerCase()];
  if (answer.status >= 500 || version === undefined) return `status ${answer.status}`;
  return version;
}
