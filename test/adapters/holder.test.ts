import os from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { currentHolder } from '../../src/adapters/holder';

afterEach(() => void vi.restoreAllMocks());

describe('currentHolder', () => {
  it('names machine, process and user', () => {
    const user = os.userInfo().username;
    expect(currentHolder({})).toEqual({ host: os.hostname(), pid: process.pid, user, job: null });
  });

  it.each([
    [{ CI_JOB_URL: 'https://gitlab.example.com/-/jobs/1' }, 'https://gitlab.example.com/-/jobs/1'],
    [
      { GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'acme/shop', GITHUB_RUN_ID: '7' },
      'https://github.com/acme/shop/actions/runs/7',
    ],
    [{ BUILD_URL: 'https://jenkins.example.com/job/7/' }, 'https://jenkins.example.com/job/7/'],
  ])('links to the job of %o', (env, job) => {
    expect(currentHolder(env).job).toBe(job);
  });

  it('works in a container whose user has no name', () => {
    vi.spyOn(os, 'userInfo').mockImplementation(() => {
      throw new Error('uv_os_get_passwd returned ENOENT');
    });
    expect(currentHolder({}).user).toBe(`user ${process.getuid?.()}`);
    expect(currentHolder({ USER: 'ci' }).user).toBe('ci');
  });
});
