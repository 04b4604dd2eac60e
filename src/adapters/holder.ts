import os from 'node:os';
import type { Holder } from '../domain/records';

/** Links to the running job that CI systems put into the environment. */
function jobLink(env: NodeJS.ProcessEnv): string | null {
  if (env['CI_JOB_URL'] !== undefined) return env['CI_JOB_URL'];
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  if (server !== undefined && repository !== undefined && run !== undefined)
    return `${server}/${repository}/actions/runs/${run}`;
  return env['BUILD_URL'] ?? null;
}

function userName(env: NodeJS.ProcessEnv): string {
  try {
    return os.userInfo().username;
  } catch {
    // Containers run under numbers that no user of the machine has.
    return env['USER'] ?? `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Who this process is, for the lease and the journal. */
export function currentHolder(env: NodeJS.ProcessEnv = process.env): Holder {
  return {
    host: os.hostname(),
    pid: process.pid,
    user: env['GITLAB_USER_LOGIN'] ?? env['GITHUB_ACTOR'] ?? userName(env),
    job: jobLink(env),
  };
}
