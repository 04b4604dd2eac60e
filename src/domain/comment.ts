/** Comments of merge requests that are updated in place: where they are, and which of them is the former one. Pure. */
import { BasculeError } from './errors';

/** A comment as a platform holds it. */
export interface PostedComment {
  id: number;
  /** Login of whoever wrote it; null where the platform does not say. */
  author: string | null;
  body: string;
  /** Where people see it; null where that is not known. */
  url: string | null;
}

/** Where a comment goes. */
export type CommentPlace =
  | { platform: 'gitlab'; api: string; repository: string; number: number; web: string | null }
  | { platform: 'github'; api: string; repository: string; number: number };

export type Platform = CommentPlace['platform'];
export const PLATFORMS: Platform[] = ['gitlab', 'github'];

/** The hidden first line of a preview's comment, by which it is found again. */
export function previewMarker(service: string, environment: string): string {
  return `<!-- bascule:preview:${plain(service)}:${plain(environment)} -->`;
}

/** Whatever could end an HTML comment is left out of it. */
const plain = (name: string): string => name.replace(/[^\w.-]/g, '').replace(/--+/g, '-');

const MARKER = /^<!-- bascule:[\w.:-]+ -->$/m;

/**
 * The marker in a text.
 * @throws BasculeError BASCULE_COMMENT_TEXT where there is none.
 */
export function markerOf(text: string): string {
  const marker = MARKER.exec(text)?.[0];
  if (marker !== undefined) return marker;
  throw new BasculeError({
    code: 'BASCULE_COMMENT_TEXT',
    message:
      text.trim() === ''
        ? 'There is no text to post.'
        : 'The text has no mark of Bascule, so its comment could not be found again to be updated.',
    next: 'Post what `bascule preview <environment> --version <version> --format markdown` printed; if it failed, its own message says why.',
  });
}

/** What has to be done so that the text stands in one comment. */
export type CommentChange =
  { kind: 'post' } | { kind: 'update'; former: PostedComment } | { kind: 'none'; former: PostedComment };

/**
 * The oldest comment of the same author with the same marker is the one to update: what others wrote, also by
 * quoting it, stays theirs. Where the platform does not tell who the token belongs to, the marker alone decides.
 */
export function commentChange(
  text: string,
  comments: readonly PostedComment[],
  author: string | null,
): CommentChange {
  const marker = markerOf(text);
  const former = comments
    // Where an account is gone, nobody is left to change its comments behind the token's back.
    .filter((comment) => author === null || comment.author === null || comment.author === author)
    .filter((comment) => lines(comment.body).includes(marker))
    .sort((one, other) => one.id - other.id)[0];
  if (former === undefined) return { kind: 'post' };
  return same(former.body, text) ? { kind: 'none', former } : { kind: 'update', former };
}

/** Platforms keep line breaks and the end of a text in their own way. */
const lines = (text: string): string[] => text.split(/\r?\n/).map((line) => line.trimEnd());
const same = (one: string, other: string): boolean =>
  lines(one).join('\n').trim() === lines(other).join('\n').trim();

/** What a command line may say where a CI system's environment does not. */
export interface PlaceOptions {
  platform?: Platform | undefined;
  api?: string | undefined;
  repository?: string | undefined;
  number?: number | undefined;
}

type Environment = Record<string, string | undefined>;

/**
 * Where the comment goes, by the options and by what the CI system put into the environment. `event` is the
 * content of GITHUB_EVENT_PATH, where there is one.
 * @throws BasculeError BASCULE_COMMENT_PLACE where something is missing.
 */
export function commentPlace(options: PlaceOptions, env: Environment, event?: unknown): CommentPlace {
  const platform = options.platform ?? platformOf(env);
  switch (platform) {
    case 'gitlab':
      return gitlabPlace(options, env);
    case 'github':
      return githubPlace(options, env, event);
  }
}

function platformOf(env: Environment): Platform {
  if (env['GITLAB_CI'] === 'true') return 'gitlab';
  if (env['GITHUB_ACTIONS'] === 'true') return 'github';
  const gitlab = given(env['CI_PROJECT_ID']) !== undefined;
  const github = given(env['GITHUB_REPOSITORY']) !== undefined;
  if (gitlab !== github) return gitlab ? 'gitlab' : 'github';
  throw nowhere('no CI system says which platform it is on', 'Add --platform gitlab or --platform github.');
}

/** https://docs.gitlab.com/ci/variables/predefined_variables/ */
function gitlabPlace(options: PlaceOptions, env: Environment): CommentPlace {
  const { CI_API_V4_URL, CI_SERVER_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, CI_PROJECT_URL } = env;
  const api = options.api ?? given(CI_API_V4_URL) ?? given(CI_SERVER_URL) ?? 'https://gitlab.com';
  const repository = options.repository ?? given(CI_PROJECT_ID);
  const number = options.number ?? wholeNumber(CI_MERGE_REQUEST_IID);
  if (repository === undefined)
    throw nowhere('CI_PROJECT_ID is not set', 'Add --repository <group/project>.');
  if (number === undefined)
    throw nowhere(
      'CI_MERGE_REQUEST_IID is not set: this is no pipeline of a merge request',
      'Give the job `rules: - if: $CI_PIPELINE_SOURCE == "merge_request_event"`, or add --number <merge request>.',
    );
  const project = given(CI_PROJECT_URL);
  const web =
    options.repository === undefined && project !== undefined
      ? `${project}/-/merge_requests/${number}`
      : null;
  return { platform: 'gitlab', api: checkedUrl(api).replace(/\/api\/v4$/, ''), repository, number, web };
}

/** https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
function githubPlace(options: PlaceOptions, env: Environment, event: unknown): CommentPlace {
  const api = options.api ?? given(env['GITHUB_API_URL']) ?? 'https://api.github.com';
  const repository = options.repository ?? given(env['GITHUB_REPOSITORY']);
  const number = options.number ?? numberOfRef(env['GITHUB_REF']) ?? numberOfEvent(event);
  if (repository === undefined)
    throw nowhere('GITHUB_REPOSITORY is not set', 'Add --repository <owner/name>.');
  if (!/^[^/]+\/[^/]+$/.test(repository))
    throw nowhere(`${repository} is not a repository of GitHub`, 'It is written <owner/name>.');
  if (number === undefined)
    throw nowhere(
      'neither GITHUB_REF nor the event names a pull request',
      'Run it in a workflow `on: pull_request`, or add --number <pull request>.',
    );
  return { platform: 'github', api: checkedUrl(api), repository, number };
}

const given = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

const numberOfRef = (ref: string | undefined): number | undefined =>
  wholeNumber(/^refs\/pull\/(\d+)\//.exec(ref ?? '')?.[1]);

/** Events of other kinds, as `pull_request_target`, run on the branch that is merged into. */
function numberOfEvent(event: unknown): number | undefined {
  const { pull_request, issue } = (event ?? {}) as {
    pull_request?: { number?: unknown };
    issue?: { number?: unknown; pull_request?: unknown };
  };
  const number = pull_request?.number ?? (issue?.pull_request === undefined ? undefined : issue.number);
  return typeof number === 'number' ? number : undefined;
}

function checkedUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw nowhere(`${text} is no URL of an API`, 'It begins with https://.');
}

function nowhere(why: string, next: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_COMMENT_PLACE',
    message: `It is not known where the comment goes: ${why}.`,
    next: `${next} Nothing was posted.`,
  });
}

/** An answer of a platform that is none: what it said, and what it asked to wait. */
export class PlatformFailure extends Error {
  constructor(
    message: string,
    /** Null where there was no answer at all. */
    readonly status: number | null,
    /** The headers `retry-after`, `x-ratelimit-remaining` and `x-ratelimit-reset`, as they came. */
    readonly headers: Readonly<Record<string, string | undefined>> = {},
  ) {
    super(message);
  }
}

/** Tries of one comment; what is asked again is the whole of it, so that nothing is posted twice. */
export const MOST_TRIES = 6;
/** Longer than this a CI job should not be kept waiting. */
const LONGEST_WAIT_MS = 120_000;

/**
 * How long to wait before the next try; null where another try is of no use. What a platform asks for is
 * kept to, otherwise the waits double (GitHub, "Best practices for using the REST API"; RFC 9110, 10.2.3).
 */
export function waitBeforeTry(failure: PlatformFailure, tries: number, now: number): number | null {
  if (tries >= MOST_TRIES || !isPassing(failure)) return null;
  const wait = askedFor(failure, now) ?? 1000 * 2 ** (tries - 1);
  return wait > LONGEST_WAIT_MS ? null : wait;
}

function isPassing({ status, headers }: PlatformFailure): boolean {
  if (status === null || status === 429 || status >= 500) return true;
  const limited = headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
  return status === 403 && limited;
}

function askedFor({ headers }: PlatformFailure, now: number): number | null {
  const after = headers['retry-after'];
  if (after !== undefined) {
    const until = /^\d+$/.test(after) ? now + Number(after) * 1000 : Date.parse(after);
    if (!Number.isNaN(until)) return Math.max(0, until - now);
  }
  const reset = Number(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset']);
  return headers['x-ratelimit-remaining'] === '0' && reset > 0 ? Math.max(0, reset * 1000 - now) : null;
}

const TOKENS: Record<Platform, { name: string; needs: string }> = {
  gitlab: {
    name: 'GITLAB_TOKEN',
    needs: 'a project access token with the scope `api` and the role Reporter or more',
  },
  github: { name: 'GITHUB_TOKEN', needs: '`permissions: pull-requests: write` for the job' },
};

/**
 * The token, from the environment alone: on a command line others of the machine could read it.
 * @throws BasculeError BASCULE_COMMENT_TOKEN
 */
export function commentToken(platform: Platform, env: Environment): string {
  const { name, needs } = TOKENS[platform];
  const token = env[name]?.trim();
  if (token !== undefined && token !== '') return token;
  throw new BasculeError({
    code: 'BASCULE_COMMENT_TOKEN',
    message: `The environment variable ${name} is not set, so nothing can be posted.`,
    next: `Give the job ${name}: ${needs}. It is read from the environment only.`,
  });
}

/** What a person hears of a failure that stays. */
export function commentError(place: CommentPlace, failure: PlatformFailure): BasculeError {
  const { platform, repository, number, api } = place;
  const where = `${platform === 'gitlab' ? 'merge request' : 'pull request'} ${number} of ${repository}`;
  const { name, needs } = TOKENS[platform];
  const said = failure.message === '' ? '' : `: ${failure.message}`;
  const { status } = failure;
  if (status === 401 || (status === 403 && !isPassing(failure)))
    return new BasculeError({
      code: 'BASCULE_COMMENT_DENIED',
      message: `${api} refuses to let ${name} comment on ${where} (${status})${said}`,
      next: status === 401 ? `Renew ${name}: ${needs}.` : `Give ${name} what it lacks: ${needs}.`,
    });
  if (status === 404)
    return new BasculeError({
      code: 'BASCULE_COMMENT_NOT_FOUND',
      message: `${api} knows no ${where}, or ${name} may not see it (404)${said}`,
      next: `See that the repository and the number are right, and that ${name} has ${needs}.`,
    });
  return new BasculeError({
    code: 'BASCULE_COMMENT_FAILED',
    message: `${api} did not take the comment on ${where}${status === null ? '' : ` (${status})`}${said}`,
    next: 'Run it again later; an update that was lost is made up for by the next one. Nothing but the comment is concerned.',
    blame: 'world',
    exitCode: 3,
  });
}
