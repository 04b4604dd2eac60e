import { describe, expect, it } from 'vitest';
import type { UpdateProcess } from '../../src/adapters/engine-processes';
import { gravest, judge, lockHolders, saysLocked, silenceNeeded } from '../../src/adapters/stack-lock';
import type { PendingOperation } from '../../src/adapters/stack-state';

/** As the engine 3.259 words it on a bucket. */
const REFUSAL = `error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.
  s3://b/.pulumi/locks/organization/bascule/e2e.eu-west-3.green/50669d9a.json?region=eu-west-3: created by root@vm (pid 26004) at 2026-11-21T08:56:52Z
  s3://b/.pulumi/locks/organization/bascule/e2e.eu-west-3.green/60669d9a.json?region=eu-west-3: created by CORP\\Ada Lovelace@ci-7.local (pid 7) at 2026-11-21T09:01:02+01:00`;

const STACK = 'e2e.eu-west-3.green';
const SINCE = Date.parse('2026-11-21T08:56:52Z');
const holder = { user: 'root', host: 'vm', pid: 26004, since: SINCE };

function living(over: Partial<UpdateProcess> = {}): UpdateProcess {
  const update = `${STACK}/4000/0e4ab9b0`;
  return { pid: 26004, parent: 1, command: '/opt/pulumi up --yes', startedAt: SINCE - 400, update, ...over };
}

const here = (process?: UpdateProcess, host = 'vm', numberedSince = SINCE - 1e6) => ({
  host,
  numberedSince,
  process,
});

describe('lockHolders', () => {
  it('reads each holder that the engine names', () => {
    expect(lockHolders(REFUSAL)).toEqual([
      holder,
      { user: 'CORP\\Ada Lovelace', host: 'ci-7.local', pid: 7, since: Date.parse('2026-11-21T08:01:02Z') },
    ]);
  });

  it('knows a refusal that names nobody', () => {
    const refusal = '[409] Conflict: Another update is currently in progress.';
    expect(saysLocked(refusal)).toBe(true);
    expect(lockHolders(refusal)).toEqual([]);
    expect(saysLocked('error: the bucket is gone')).toBe(false);
  });
});

describe('judge', () => {
  it.each([
    ['its process is gone', here(), 'gone'],
    ['its number went to a later process', here(living({ startedAt: SINCE + 60_000 })), 'gone'],
    ['its engine was given another parent', here(living()), 'outlived'],
    ['its driver lives', here(living({ parent: 4000 })), 'by-hand'],
    ['no driver of ours began it', here(living({ update: undefined })), 'by-hand'],
    ['it is of another stack', here(living({ update: 'e2e/4000/0e4ab9b0' })), 'by-hand'],
    ['it is on another machine', here(living(), 'ci-8'), 'elsewhere'],
    [
      'this machine started after it, and may be another of the name',
      here(undefined, 'vm', SINCE + 1),
      'elsewhere',
    ],
  ] as const)('%s', (_, facts, verdict) => {
    expect(judge(STACK, holder, facts)).toBe(verdict);
  });

  it('asks no process of this machine when the time of the lock cannot be read', () => {
    expect(judge(STACK, { ...holder, since: Number.NaN }, here())).toBe('elsewhere');
  });
});

describe('gravest', () => {
  it('takes no lock while one of the holders may be at work', () => {
    expect(gravest(['gone', 'by-hand', 'elsewhere'])).toBe('by-hand');
    expect(gravest(['gone', 'outlived', 'elsewhere'])).toBe('outlived');
    expect(gravest(['gone', 'elsewhere'])).toBe('elsewhere');
    expect(gravest(['gone', 'gone'])).toBe('gone');
    expect(gravest([])).toBeUndefined();
  });
});

describe('silenceNeeded', () => {
  const needed = (...pending_operations: PendingOperation[]) =>
    silenceNeeded({ version: 3, deployment: { pending_operations } }, 120);
  const operation = (
    type: string,
    of: string,
    customTimeouts?: Record<string, number>,
  ): PendingOperation => ({
    type,
    resource: {
      urn: `urn:pulumi:e2e::bascule::${of}::x`,
      type: of,
      ...(customTimeouts && { customTimeouts }),
    },
  });

  it('is what was asked for when nothing slow is under way', () => {
    expect(needed()).toBe(120);
    expect(needed(operation('creating', 'aws:ec2/launchTemplate:LaunchTemplate'))).toBe(120);
  });

  it('lets slow creates and deletes take the time that they may take', () => {
    const group = 'aws:autoscaling/group:Group';
    expect(needed(operation('deleting', group, { delete: 1200 }))).toBe(1200);
    expect(needed(operation('creating', group, { delete: 1200 }))).toBe(120);
    expect(needed(operation('creating', 'aws:lb/loadBalancer:LoadBalancer'))).toBe(600);
  });
});
