import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { currentHolder, sightOf } from '../../src/adapters/holder';
import { must, until } from '../support/until';

afterEach(() => void vi.restoreAllMocks());

describe('currentHolder', () => {
  it('names machine, process and user', () => {
    const user = os.userInfo().username;
    expect(currentHolder({})).toEqual({
      host: os.hostname(),
      pid: process.pid,
      user,
      job: null,
      process: { space: expect.stringMatching(/./), startedAt: expect.stringMatching(/./) },
    });
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

describe('sightOf', () => {
  const self = currentHolder({});
  const mark = must(self.process);

  /** The number of a process that ran and ended. */
  async function ended(): Promise<number> {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    return must(child.pid);
  }

  it('sees that a process runs', () => {
    expect(sightOf(self)).toBe('running');
  });

  it('sees that a process has ended, by its number alone', async () => {
    const pid = await ended();
    expect(sightOf({ ...self, pid })).toBe('gone');
    expect(sightOf({ host: self.host, pid, user: 'ada', job: null })).toBe('gone');
  });

  it('tells another process with the same number apart', () => {
    expect(sightOf({ ...self, process: { ...mark, startedAt: 'before' } })).toBe('gone');
  });

  it('does not guess: another host, another container of the same name, a number without a mark', async () => {
    const pid = await ended();
    expect(sightOf({ ...self, pid, host: `${self.host}-2` })).toBe('unknown');
    expect(sightOf({ ...self, pid, process: { ...mark, space: 'another boot' } })).toBe('unknown');
    expect(sightOf({ host: self.host, pid: process.pid, user: 'ada', job: null })).toBe('unknown');
  });

  it('takes a process that ended for gone also while its parent has not asked how', async () => {
    if (process.platform !== 'linux') return;
    // A shell that becomes another program never asks after the child that it had begun before.
    const child = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 61'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      const read = (of: number | undefined, file: string) => () =>
        Promise.resolve(readFileSync(`/proc/${of}/${file}`, 'utf8'));
      // The shell itself would still ask after it.
      await until(read(child.pid, 'cmdline'), (text) => text === ['sleep', '61', ''].join('\0'));
      process.kill(pid, 'SIGKILL');
      await until(read(pid, 'stat'), (text) => / Z /.test(text));
      expect(sightOf({ ...self, pid })).toBe('gone');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
