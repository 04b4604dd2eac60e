/** Whether a release may go on to the next environment, by the journals of the one before. Pure. */
import type { PromotionConfig } from './config/promotion';
import { duration } from './duration';
import type { Outcome } from './outcome';
import type { JournalRecord, Plan } from './records';
import { replay } from './replay';

/** One deployment of an environment, as far as a release's way through the environments is concerned. */
export interface Passage {
  deployment: string;
  purpose: Plan['purpose'];
  version: string;
  /** Unix milliseconds. */
  openedAt: number;
  /** When it began to move production traffic; null while it has moved none. */
  shiftedAt: number | null;
  closedAt: number | null;
  /** null while it runs, or when it was interrupted. */
  outcome: Outcome | null;
  tests: TestPassage[];
}

export interface TestPassage {
  /** The step's id. */
  id: string;
  passed: boolean;
}

export function passageOf(records: readonly JournalRecord[]): Passage {
  const { deployment, plan, openedAt, closed, steps } = replay(records);
  const starts = plan.steps.flatMap((step) => {
    const at = steps[step.id]?.startedAt ?? null;
    return step.kind === 'shift' && at !== null ? [at] : [];
  });
  return {
    deployment,
    purpose: plan.purpose,
    version: plan.version,
    openedAt,
    shiftedAt: starts.length === 0 ? null : Math.min(...starts),
    closedAt: closed?.at ?? null,
    outcome: closed?.outcome ?? null,
    tests: plan.steps
      .filter((step) => step.kind === 'test')
      .map(({ id }) => ({ id, passed: steps[id]?.phase === 'verified' })),
  };
}

/** Whether a version may leave an environment, or why not. */
export type Verdict =
  | { kind: 'ready'; stay: Stay }
  | { kind: 'never-deployed' }
  /** No deployment of it succeeded; the last one. */
  | { kind: 'not-succeeded'; last: Passage }
  | { kind: 'tests-not-passed'; stay: Stay; tests: string[] }
  | { kind: 'soaking'; stay: Stay; readyAt: number }
  | { kind: 'replaced-too-early'; stay: Stay }
  /** A person went back from it to another release. */
  | { kind: 'rolled-back'; stay: Stay };

/** A time in which a version was live after its deployment succeeded. */
export interface Stay {
  passage: Passage;
  /** Unix milliseconds. */
  from: number;
  /** null while it is live. */
  until: number | null;
  /** What took its place. */
  replacedBy: Passage | null;
}

/** The times in which a version was live, the first of them first; passages come as they were begun. */
export function staysOf(passages: readonly Passage[], version: string): Stay[] {
  return passages.flatMap((passage, index): Stay[] => {
    if (passage.outcome !== 'succeeded' || passage.purpose === 'retire') return [];
    if (passage.version !== version || passage.closedAt === null) return [];
    const replacedBy = passages.slice(index + 1).find((later) => tookOver(later, version)) ?? null;
    const until = replacedBy === null ? null : (replacedBy.shiftedAt ?? replacedBy.openedAt);
    return [{ passage, from: passage.closedAt, until, replacedBy }];
  });
}

/** A deployment that took traffic from a version and did not give it back. */
function tookOver({ purpose, version, outcome, shiftedAt }: Passage, former: string): boolean {
  if (purpose === 'retire' || version === former) return false;
  if (outcome === 'succeeded') return true;
  // Of one that runs or halted nobody knows how it ends: what it moved counts as gone.
  return (outcome === null || outcome === 'halted') && shiftedAt !== null;
}

/**
 * Whether a version may go on. Of several stays the best counts, and of those that are all not enough the last.
 * @param passages All of the former environment, or those from the last success of the version on; oldest first.
 */
export function judgePromotion(
  passages: readonly Passage[],
  version: string,
  required: Pick<PromotionConfig, 'soakSeconds' | 'tests'>,
  now: number,
): Verdict {
  const stays = staysOf(passages, version);
  if (stays.length === 0) {
    const last = passages.findLast((one) => one.purpose !== 'retire' && one.version === version);
    return last === undefined ? { kind: 'never-deployed' } : { kind: 'not-succeeded', last };
  }
  const last = stays[stays.length - 1];
  // Who went back from a release had a reason, however long it had been live.
  if (last?.replacedBy?.purpose === 'rollback') return { kind: 'rolled-back', stay: last };
  const verdicts = stays.map((stay) => judgeStay(stay, passages, required, now));
  return (
    verdicts.find(({ kind }) => kind === 'ready') ??
    verdicts[verdicts.length - 1] ?? { kind: 'never-deployed' }
  );
}

function judgeStay(
  stay: Stay,
  passages: readonly Passage[],
  required: Pick<PromotionConfig, 'soakSeconds' | 'tests'>,
  now: number,
): Verdict {
  const untested = required.tests ? testsNotPassed(stay, passages) : [];
  if (untested.length > 0) return { kind: 'tests-not-passed', stay, tests: untested };
  const enough = stay.from + required.soakSeconds * 1000;
  // Clocks of two machines may differ: where nothing is asked, nothing is reckoned.
  if (required.soakSeconds === 0 || (stay.until ?? now) >= enough) return { kind: 'ready', stay };
  return stay.until === null
    ? { kind: 'soaking', stay, readyAt: enough }
    : { kind: 'replaced-too-early', stay };
}

/** A rollback to a version tests nothing: what its deployment before tested counts. */
function testsNotPassed({ passage }: Stay, passages: readonly Passage[]): string[] {
  const tested =
    passage.purpose === 'rollback'
      ? passages.findLast(
          (one) =>
            one.purpose === 'deploy' &&
            one.version === passage.version &&
            one.outcome === 'succeeded' &&
            one.openedAt < passage.openedAt,
        )
      : passage;
  return (tested ?? passage).tests.flatMap(({ id, passed }) => (passed ? [] : [id]));
}

/** Seconds that a stay has lasted. */
export function soakedSeconds({ from, until }: Stay, now: number): number {
  return Math.max(0, Math.floor(((until ?? now) - from) / 1000));
}

/** A clause that says how a version did in an environment. */
export function describeVerdict(
  verdict: Verdict,
  version: string,
  { from, soakSeconds }: Pick<PromotionConfig, 'from' | 'soakSeconds'>,
  now: number,
): string {
  switch (verdict.kind) {
    case 'ready':
      return `${version} succeeded in ${from} (${verdict.stay.passage.deployment}) and was live there for ${duration(soakedSeconds(verdict.stay, now))}`;
    case 'never-deployed':
      return `${version} was never deployed to ${from}`;
    case 'not-succeeded':
      return `no deployment of ${version} to ${from} succeeded; the last one, ${verdict.last.deployment}, ${verdict.last.outcome === null ? 'has not ended' : `ended as ${verdict.last.outcome}`}`;
    case 'tests-not-passed':
      return `not all tests of ${version} passed in ${from} (${verdict.stay.passage.deployment}): ${verdict.tests.join(', ')}`;
    case 'soaking':
      return `${version} has been live in ${from} for ${duration(soakedSeconds(verdict.stay, now))} of ${duration(soakSeconds)}, which are over at ${new Date(verdict.readyAt).toISOString()}`;
    case 'replaced-too-early':
      return `${version} was live in ${from} for ${duration(soakedSeconds(verdict.stay, now))} of ${duration(soakSeconds)} when ${replacement(verdict.stay)} took its place`;
    case 'rolled-back':
      return `${from} was taken back from ${version} to ${verdict.stay.replacedBy?.version ?? 'another release'} (${verdict.stay.replacedBy?.deployment ?? ''})`;
  }
}

function replacement({ replacedBy }: Stay): string {
  return replacedBy === null ? 'another release' : `${replacedBy.version} (${replacedBy.deployment})`;
}

/** What a person should do about a version that may not go on. */
export function adviceOn(verdict: Verdict, version: string, from: string): string {
  if (verdict.kind === 'ready') return '';
  if (verdict.kind === 'soaking') return 'Wait until then, and promote it again.';
  const long = verdict.kind === 'replaced-too-early' ? ', and leave it live long enough' : '';
  return `Bring it there first, with \`bascule deploy ${from} --version ${version}\` or \`bascule promote ${version} --to ${from}\`${long}.`;
}
