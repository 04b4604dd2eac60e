/** What a deployment changes, for those who are told of it or have to approve it. Pure. */
import { tally } from './approval';
import type { ResourceChange, StackPreview } from './preview/preview';
import type { JournalRecord } from './records';
import { replay, type DeploymentState } from './replay';
import { countsText } from './suite/result';
import { describeStep, type ApprovalRule, type Approve, type Step } from './step';

export interface Commit {
  id: string;
  author: string;
  subject: string;
}

/** What was gathered when a deployment was opened and cannot be told from its records otherwise. */
export interface ChangeNotes {
  /** Of who asks for it. */
  message?: string;
  /** Git revisions that the images were baked from; null where one bears none. */
  revisions?: { from: string | null; to: string | null };
  /** What lies between them, newest first; absent where no repository at hand knows both. */
  commits?: Commit[];
  /** How many there are, where those are not all. */
  commitCount?: number;
  /** What the engine would do to the stacks, a line each; absent where it was not asked. */
  resources?: string[];
}

export interface ChangeSet {
  service: string;
  environment: string;
  deployment: string;
  purpose: 'deploy' | 'rollback' | 'retire';
  /** What was live; null where nothing was. */
  from: string | null;
  to: string;
  /** Who asks. */
  by: string;
  notes: ChangeNotes;
  /** Checks and tests passed so far, a line each. */
  passed: string[];
  planHash: string | null;
  /** The approvals that it waits for. */
  waiting: Waiting[];
}

/** An approval that a deployment waits for. */
export interface Waiting {
  /** Its name in the configuration. */
  name: string;
  step: string;
  /** What waits for it. */
  before: ApprovalRule['before'];
  /** How many have to approve, by whom, and who did. */
  count: number;
  approvers: string[];
  approvedBy: string[];
  /** Unix milliseconds; the deployment turns back at the latter. */
  since: number;
  until: number;
  /** What a person types; for this plan and none other. */
  approve: string;
  reject: string;
}

/** Steps that look whether the release is sound. */
const LOOKS: ReadonlySet<Step['kind']> = new Set([
  'health-gate',
  'smoke',
  'test',
  'analyse',
  'prove',
  'soak',
]);

export function changeSetOf(records: readonly JournalRecord[]): ChangeSet {
  const state = replay(records);
  const { plan, deployment, requester } = state;
  const opened = records[0];
  if (opened?.kind !== 'opened')
    throw new Error('replay accepts only journals that begin with their opening');
  const { service, environment, purpose, version, formerVersion } = plan;
  const { user, host } = opened.holder;
  return {
    ...{ service, environment, deployment, purpose, from: formerVersion, to: version },
    by: requester?.arn ?? `${user} on ${host}`,
    notes: opened.change ?? {},
    passed: plan.steps
      .filter((step) => LOOKS.has(step.kind) && state.steps[step.id]?.phase === 'verified')
      .map((step) => `${describeStep(step)} [${step.region}]${countOf(step, state)}`),
    planHash: state.planHash ?? null,
    waiting: plan.steps.flatMap((step) => (step.kind === 'approve' ? waitingFor(step, state) : [])),
  };
}

/** Of a test of the user's: how much it was. */
function countOf({ id, kind }: Step, { steps }: DeploymentState): string {
  const { passed, failed, skipped } = steps[id]?.facts ?? {};
  if (kind !== 'test' || typeof passed !== 'number') return '';
  return `: ${countsText({ passed, failed: Number(failed ?? 0), skipped: Number(skipped ?? 0) })}`;
}

function waitingFor(step: Approve, state: DeploymentState): Waiting[] {
  const { phase, startedAt } = state.steps[step.id] ?? {};
  const waits =
    (phase === 'started' || phase === 'ran') && state.closed === null && state.turnedBack === null;
  if (!waits) return [];
  const { id, name, before, count, approvers, timeoutSeconds } = step;
  const { plan, deployment, planHash = '' } = state;
  const since = startedAt ?? state.openedAt;
  // What is too old by now is not known here: whoever drives the deployment judges that by its clock.
  const { valid } = tally(step, state.approvals[id] ?? [], { planHash, now: since });
  const answer = (word: string): string =>
    `bascule ${word} ${plan.environment} ${deployment} --step ${name} --plan ${planHash} --comment "<why>"`;
  return [
    {
      ...{ name, step: id, before, count, approvers },
      approvedBy: valid.map(({ by }) => by.arn),
      since,
      until: since + timeoutSeconds * 1000,
      approve: answer('approve'),
      reject: answer('reject'),
    },
  ];
}

/** One line for each stack that changes, such as `production.eu-west-3.green: create 2, update 1 (Group fleet)`. */
export function resourceLines(stacks: readonly StackPreview[]): string[] {
  return stacks.flatMap(({ stack, applied, resources }) =>
    applied === 'by-deploy' && resources.length > 0
      ? [`${stack}: ${countsOf(resources)} (${namesOf(resources)})`]
      : [],
  );
}

/** More names would hide what is important. */
const MOST_NAMES = 8;

function countsOf(resources: readonly ResourceChange[]): string {
  const operations = ['create', 'update', 'replace', 'delete'] as const;
  return operations
    .map((operation) => [operation, resources.filter((one) => one.operation === operation).length] as const)
    .filter(([, count]) => count > 0)
    .map(([operation, count]) => `${operation} ${count}`)
    .join(', ');
}

function namesOf(resources: readonly ResourceChange[]): string {
  const names = resources.map(({ type, name }) => `${type.split(':').at(-1) ?? type} ${name}`);
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

/** The commit that a `bascule:revision` names, and nothing that git could take for an option of its own. */
export function commitOf(revision: string | null | undefined): string | null {
  return /^([0-9a-f]{7,64})(-changed)?$/.exec(revision ?? '')?.[1] ?? null;
}
