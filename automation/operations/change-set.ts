import { commitOf, resourceLines, type ChangeNotes } from '../../src/domain/change-set';
import { IMAGE_TAG } from '../../src/domain/image-tags';
import type { StackPreview } from '../../src/domain/preview/preview';
import type { Plan } from '../../src/domain/records';
import type { Commits, Image } from '../../src/ports';
import type { Opening } from './deployments';
import { findImages } from './planning';
import type { Session } from './session';

/** As many as a person reads. */
const MOST_COMMITS = 50;

/** What who asks for a deployment gives along. */
export interface Explained {
  message?: string;
  /** What git knows of the application; absent where it is not to be asked. */
  commits?: Commits;
}

export interface About {
  plan: Plan;
  /** Of the new release, by region. */
  images: ReadonlyMap<string, Image | undefined>;
  /** What the engine would do; none where nobody asked it. */
  stacks: readonly StackPreview[];
}

/** What a change set needs and no record has otherwise; nothing that is missing in it holds anything up. */
export async function changeNotes(
  session: Session,
  { message, commits }: Explained,
  about: About,
): Promise<Pick<Opening, 'change'>> {
  const { plan, stacks } = about;
  const read = session.post !== null || plan.steps.some(({ kind }) => kind === 'approve');
  const change: ChangeNotes = {
    ...(message !== undefined && { message }),
    ...(read && commits !== undefined && (await commitsOf(session, commits, about))),
    ...(stacks.length > 0 && { resources: resourceLines(stacks) }),
  };
  return Object.keys(change).length === 0 ? {} : { change };
}

async function commitsOf(
  session: Session,
  commits: Commits,
  { plan, images }: About,
): Promise<Pick<ChangeNotes, 'revisions' | 'commits' | 'commitCount'>> {
  const to = revisionOf([...images.values()]);
  if (to === null || plan.formerVersion === null) return {};
  const from = revisionOf(await formerImages(session, plan.formerVersion));
  const [first, last] = [commitOf(from), commitOf(to)];
  const found = first === null || last === null ? null : await commits.between(first, last, MOST_COMMITS);
  return {
    revisions: { from, to },
    ...(found !== null && { commits: found.commits, commitCount: found.count }),
  };
}

/** Old ones may be gone: then nothing is told of what lies between. */
async function formerImages(session: Session, version: string): Promise<(Image | undefined)[]> {
  try {
    return [...(await findImages(session.world.images, session, version)).values()];
  } catch {
    return [];
  }
}

function revisionOf(images: readonly (Image | undefined)[]): string | null {
  const revisions = images.flatMap((image) => image?.tags[IMAGE_TAG.revision] ?? []);
  return revisions[0] ?? null;
}
