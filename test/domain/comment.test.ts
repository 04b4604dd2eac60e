import { describe, expect, it } from 'vitest';
import {
  commentChange,
  commentPlace,
  commentToken,
  markerOf,
  PlatformFailure,
  previewMarker,
  waitBeforeTry,
  type PlaceOptions,
  type PostedComment,
} from '../../src/domain/comment';
import { BasculeError } from '../../src/domain/errors';

const MARKER = previewMarker('shop', 'production');
const posted = (facts: Partial<PostedComment>): PostedComment => ({
  id: 1,
  author: 'bot',
  body: MARKER,
  url: null,
  ...facts,
});

function errorOf(work: () => unknown): BasculeError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof BasculeError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('where a comment goes', () => {
  const gitlab = {
    GITLAB_CI: 'true',
    CI_SERVER_URL: 'https://git.example/gitlab',
    CI_API_V4_URL: 'https://git.example/gitlab/api/v4',
    CI_PROJECT_ID: '42',
    CI_PROJECT_URL: 'https://git.example/gitlab/group/shop',
    CI_MERGE_REQUEST_IID: '7',
  };
  const github = {
    GITHUB_ACTIONS: 'true',
    GITHUB_API_URL: 'https://ghe.example/api/v3',
    GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_REF: 'refs/pull/12/merge',
  };

  it('is said by GitLab CI', () => {
    expect(commentPlace({}, gitlab)).toEqual({
      platform: 'gitlab',
      api: 'https://git.example/gitlab',
      repository: '42',
      number: 7,
      web: 'https://git.example/gitlab/group/shop/-/merge_requests/7',
    });
    const { CI_API_V4_URL: _url, ...older } = gitlab;
    expect(commentPlace({}, older).api).toBe('https://git.example/gitlab');
  });

  it('is said by GitHub Actions, by the ref or by the event', () => {
    const place = {
      platform: 'github',
      api: 'https://ghe.example/api/v3',
      repository: 'acme/shop',
      number: 12,
    };
    expect(commentPlace({}, github)).toEqual(place);
    const other = { ...github, GITHUB_REF: 'refs/heads/main' };
    expect(commentPlace({}, other, { pull_request: { number: 12 } })).toEqual(place);
    expect(commentPlace({}, other, { issue: { number: 12, pull_request: {} } })).toEqual(place);
  });

  it('is told apart also where only the repository is known', () => {
    expect(commentPlace({ number: 1 }, { CI_PROJECT_ID: '42' }).platform).toBe('gitlab');
    expect(commentPlace({ number: 1 }, { GITHUB_REPOSITORY: 'acme/shop' }).platform).toBe('github');
  });

  it('is what the options say before anything else', () => {
    const options: PlaceOptions = {
      platform: 'github',
      api: 'http://localhost:1/',
      repository: 'other/one',
      number: 3,
    };
    expect(commentPlace(options, gitlab)).toEqual({ ...options, api: 'http://localhost:1' });
  });

  it.each<[string, PlaceOptions, Record<string, string>, unknown, string]>([
    ['without a CI', {}, {}, undefined, '--platform'],
    ['with both', {}, { CI_PROJECT_ID: '1', GITHUB_REPOSITORY: 'a/b' }, undefined, '--platform'],
    ['in a branch pipeline', {}, { ...gitlab, CI_MERGE_REQUEST_IID: '' }, undefined, 'merge_request_event'],
    ['without a project', {}, { GITLAB_CI: 'true' }, undefined, '--repository'],
    ['after a push', {}, { ...github, GITHUB_REF: 'refs/heads/main' }, {}, 'on: pull_request'],
    ['on a plain issue', {}, { ...github, GITHUB_REF: '' }, { issue: { number: 3 } }, '--number'],
    ['with half a repository', { repository: 'shop' }, github, undefined, '<owner/name>'],
    ['with no URL', { api: 'git.example' }, github, undefined, 'https://'],
  ])('is asked for %s', (_name, options, env, event, next) => {
    const error = errorOf(() => commentPlace(options, env, event));
    expect(error).toMatchObject({ code: 'BASCULE_COMMENT_PLACE', exitCode: 2 });
    expect(error.next).toContain(next);
    expect(error.next).toContain('Nothing was posted');
  });
});

describe('the token', () => {
  it('comes from the environment of its platform', () => {
    expect(commentToken('gitlab', { GITLAB_TOKEN: 'a\n', GITHUB_TOKEN: 'b' })).toBe('a');
    expect(commentToken('github', { GITLAB_TOKEN: 'a', GITHUB_TOKEN: 'b' })).toBe('b');
  });

  it('is asked for by name where it is missing', () => {
    const error = errorOf(() => commentToken('github', { GITHUB_TOKEN: ' ' }));
    expect(error.code).toBe('BASCULE_COMMENT_TOKEN');
    expect(error.next).toContain('pull-requests: write');
  });
});

describe('the mark of a comment', () => {
  it('names service and environment, and cannot be ended by them', () => {
    expect(MARKER).toBe('<!-- bascule:preview:shop:production -->');
    expect(previewMarker('a-->b', 'c d')).toBe('<!-- bascule:preview:a-b:cd -->');
  });

  it('is found where it stands on a line of its own', () => {
    expect(markerOf(`\n${MARKER}\ntext`)).toBe(MARKER);
    expect(errorOf(() => markerOf(`> ${MARKER}`)).code).toBe('BASCULE_COMMENT_TEXT');
    expect(errorOf(() => markerOf(' \n')).message).toContain('no text');
  });
});

describe('which comment is updated', () => {
  const text = `${MARKER}\nnew`;

  it('is the oldest of its own', () => {
    const comments = [posted({ id: 9 }), posted({ id: 4 }), posted({ id: 2, author: 'ada' })];
    expect(commentChange(text, comments, 'bot')).toMatchObject({ kind: 'update', former: { id: 4 } });
  });

  it('is one whose author is gone, rather than a second one', () => {
    expect(commentChange(text, [posted({ author: null })], 'bot').kind).toBe('update');
  });

  it('is any with the mark where nobody says whose token it is', () => {
    expect(commentChange(text, [posted({ author: 'x' })], null).kind).toBe('update');
  });

  it('is none where the text is the same but for line breaks', () => {
    expect(commentChange(text, [posted({ body: `${MARKER}\r\nnew\r\n` })], 'bot').kind).toBe('none');
  });
});

describe('another try', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const failure = (status: number | null, headers = {}) => new PlatformFailure('', status, headers);

  it.each<[string, PlatformFailure, number | null]>([
    ['a second for the first time', failure(503), 1000],
    ['what is asked for, in seconds', failure(429, { 'retry-after': '30' }), 30_000],
    ['what is asked for, as a date', failure(503, { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }), 9000],
    [
      'until the limit is lifted',
      failure(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1000 + 5) }),
      5000,
    ],
    ['after no answer', failure(null), 1000],
    ['not for a refusal', failure(403), null],
    ['not for what is wrong', failure(422), null],
    ['not for what would take an hour', failure(429, { 'retry-after': '3600' }), null],
  ])('waits: %s', (_name, given, wait) => {
    expect(waitBeforeTry(given, 1, now)).toBe(wait);
  });

  it('is not made for ever', () => {
    expect([1, 2, 3, 4, 5, 6].map((tries) => waitBeforeTry(failure(500), tries, now))).toEqual([
      1000,
      2000,
      4000,
      8000,
      16_000,
      null,
    ]);
  });
});
