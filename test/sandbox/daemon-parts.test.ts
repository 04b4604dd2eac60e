import { createHash, X509Certificate } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import * as tar from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxState } from '../../automation/sandbox/contract';
import { sandboxAuthority } from '../../automation/sandbox/daemon/authority';
import { isFreePort, PortPool } from '../../automation/sandbox/daemon/free-port';
import { userDataEnvironment } from '../../automation/sandbox/daemon/instance-environment';
import { metricBatches, summarise } from '../../automation/sandbox/daemon/metric-data';
import { parseBundle, ReleaseStore, UnusableRelease } from '../../automation/sandbox/daemon/release-store';
import { startCommand } from '../../automation/sandbox/daemon/start-command';
import { sandboxPaths } from '../../automation/sandbox/lifecycle/paths';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-daemon-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

describe('the command that starts a release', () => {
  it.each([
    [
      'a Procfile',
      { Procfile: 'worker: node work.js\nweb:   exec node server.js --port $PORT  \n' },
      'exec node server.js --port $PORT',
    ],
    ['a package.json', { 'package.json': '{"scripts":{"start":"node index.js"}}' }, 'node index.js'],
    ['both', { Procfile: 'web: ./run', 'package.json': '{"scripts":{"start":"node index.js"}}' }, './run'],
    [
      'a Procfile without web',
      { Procfile: 'worker: w', 'package.json': '{"scripts":{"start":"node x"}}' },
      'node x',
    ],
  ])('is found in %s', async (_, files, command) => {
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
    expect(await startCommand(folder)).toBe(command);
  });

  it.each([
    {},
    { Procfile: 'web:\nworker: x' },
    { 'package.json': '{"scripts":{"start":7}}' },
    { 'package.json': '{' },
  ])('is missed where there is none: %j', async (files) => {
    for (const [name, content] of Object.entries(files))
      await writeFile(path.join(folder, name), String(content));
    await expect(startCommand(folder)).rejects.toBeInstanceOf(UnusableRelease);
  });
});

describe('the environment in user data', () => {
  const data =
    '#!/bin/bash\n#bascule:environment {"A":"x y","B":2,"C":true,"D":null,"E":{"no":1}}\necho done\n';
  it('is read plain or in base64', () => {
    const expected = { A: 'x y', B: '2', C: 'true' };
    expect(userDataEnvironment(data)).toEqual(expected);
    expect(userDataEnvironment(Buffer.from(data).toString('base64'))).toEqual(expected);
  });
  it.each([null, '', 'echo', '#bascule:environment', '#bascule:environment [1]', '#bascule:environment {'])(
    'is empty for %j',
    (text) => expect(userDataEnvironment(text)).toEqual({}),
  );
});

describe('the store of releases', () => {
  let bundle: string;
  let sha256: string;
  const address = { bucket: 'b', key: 'k' };
  beforeEach(async () => {
    await mkdir(path.join(folder, 'app'));
    await writeFile(path.join(folder, 'app', 'Procfile'), 'web: true\n');
    bundle = path.join(folder, 'bundle.tar.gz');
    await tar.c({ gzip: true, cwd: path.join(folder, 'app'), file: bundle }, ['.']);
    sha256 = createHash('sha256')
      .update(await readFile(bundle))
      .digest('hex');
  });
  const store = (open: () => Promise<Readable>) => new ReleaseStore(path.join(folder, 'releases'), open);

  it('fetches a release once, however many ask for it at the same time and later', async () => {
    let fetched = 0;
    const one = store(async () => {
      fetched += 1;
      return createReadStream(bundle);
    });
    const folders = await Promise.all([1, 2, 3].map(() => one.folderOf(address, sha256)));
    expect(new Set([...folders, await one.folderOf(address, sha256)]).size).toBe(1);
    expect(fetched).toBe(1);
    expect(await readFile(path.join(folders[0] ?? '', 'Procfile'), 'utf8')).toBe('web: true\n');
    expect(await readdir(path.join(folder, 'releases'))).toEqual([sha256]);
  });

  it('takes what another daemon has unpacked meanwhile', async () => {
    const both = [1, 2].map(() => store(async () => createReadStream(bundle)));
    const folders = await Promise.all(both.map((one) => one.folderOf(address, sha256)));
    expect(folders).toEqual([path.join(folder, 'releases', sha256), path.join(folder, 'releases', sha256)]);
  });

  it('refuses other content than was baked, and what is no archive, and leaves nothing behind', async () => {
    const one = store(async () => createReadStream(bundle));
    await expect(one.folderOf(address, 'f'.repeat(64))).rejects.toThrow('is not the one that was baked');
    const broken = store(async () => Readable.from([Buffer.from('no archive at all')]));
    await expect(broken.folderOf(address, undefined)).rejects.toBeInstanceOf(UnusableRelease);
    expect(await readdir(path.join(folder, 'releases'))).toEqual([]);
  });

  it('passes on a failure to fetch, and fetches again the next time', async () => {
    let failing = true;
    const one = store(async () => {
      if (failing) throw new Error('connect ECONNREFUSED');
      return createReadStream(bundle);
    });
    await expect(one.folderOf(address, sha256)).rejects.toThrow('ECONNREFUSED');
    failing = false;
    expect(path.basename(await one.folderOf(address, sha256))).toBe(sha256);
  });

  it('clears away what a killed daemon left', async () => {
    await mkdir(path.join(folder, 'releases', '.123-abc'), { recursive: true });
    await store(async () => createReadStream(bundle)).tidy();
    expect(await readdir(path.join(folder, 'releases'))).toEqual([]);
  });

  it('knows an address', () => {
    expect(parseBundle('s3://bucket/a/b.tar.gz')).toEqual({ bucket: 'bucket', key: 'a/b.tar.gz' });
    for (const bad of ['', 's3://bucket', 's3:///key', 'https://bucket/key'])
      expect(parseBundle(bad)).toBeUndefined();
  });
});

describe('metrics', () => {
  it('keep number, sum and extremes of any response times within what CloudWatch takes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 5_000 }),
        (values) => {
          const { Values, Counts } = summarise(values);
          expect(Values.length).toBe(Counts.length);
          expect(Values.length).toBeLessThanOrEqual(150);
          expect(Counts.reduce((a, b) => a + b, 0)).toBe(values.length);
          const total = Values.reduce((sum, value, index) => sum + value * (Counts[index] ?? 0), 0);
          expect(total).toBeCloseTo(
            values.reduce((a, b) => a + b, 0),
            2,
          );
          expect(Math.min(...Values)).toBe(Math.min(...values));
          expect(Math.max(...Values)).toBe(Math.max(...values));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('carry the dimensions of the real ones, a call for each account and region', () => {
    const elb = (region: string, account: string) =>
      `arn:aws:elasticloadbalancing:${region}:${account}:loadbalancer/app/shop/0123`;
    const group = 'arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/shop-blue/4567';
    const rule = {
      arn: 'r',
      priority: 'default',
      conditions: [],
      actions: [{ Type: 'forward', TargetGroupArn: group }],
    };
    const balancer = (region: string, account: string) => ({
      arn: elb(region, account),
      name: 'shop',
      account,
      region,
      address: '127.0.0.9',
      idleTimeoutSeconds: 60,
      listeners: [{ arn: 'l', port: 80, protocol: 'HTTP' as const, certificateArns: [], rules: [rule] }],
    });
    const state: SandboxState = {
      revision: 1,
      loadBalancers: [balancer('eu-west-3', '1'), balancer('eu-west-3', '2'), balancer('us-east-1', '1')],
      targetGroups: [],
      instances: [],
      certificates: [],
      commands: [],
      cuts: [],
    };
    const sample = {
      loadBalancerArn: elb('eu-west-3', '1'),
      targetGroupArn: group,
      at: 1_000,
      requestCount: 7,
      target2xx: 5,
      target3xx: 0,
      target4xx: 0,
      target5xx: 2,
      elb5xx: 3,
      connectionErrors: 0,
      newConnections: 4,
      responseTimes: [0.5, 0.5, 0.1],
      activeConnections: 0,
    };
    const healthy = { state: 'healthy' as const, reason: null, description: null };
    const health = { [group]: { 'i-1': healthy, 'i-2': { ...healthy, state: 'unhealthy' as const } } };
    const connections = [
      { loadBalancerArn: elb('eu-west-3', '1'), at: 1_000, newFromClients: 2, active: 6 },
      { loadBalancerArn: elb('us-east-1', '1'), at: 1_000, newFromClients: 1, active: null },
    ];
    const batches = metricBatches(state, { samples: [sample], connections, health, now: new Date(2_000) });
    expect(batches.map(({ account, region }) => `${account} ${region}`)).toEqual([
      '1 eu-west-3',
      '2 eu-west-3',
      '1 us-east-1',
    ]);
    const told: Record<string, Record<string, unknown>> = {};
    for (const { Dimensions = [], MetricName = '', Value, Values } of batches[0]?.data ?? []) {
      const of = Dimensions.map(({ Name, Value: value }) => `${Name} ${value}`).join(', ');
      (told[of] ??= {})[MetricName] = Value ?? Values;
    }
    const traffic = {
      RequestCount: 7,
      HTTPCode_Target_2XX_Count: 5,
      HTTPCode_Target_5XX_Count: 2,
      TargetResponseTime: [0.5, 0.1],
    };
    expect(told).toEqual({
      'LoadBalancer app/shop/0123': {
        ...traffic,
        HTTPCode_ELB_5XX_Count: 3,
        NewConnectionCount: 6,
        ActiveConnectionCount: 6,
      },
      'LoadBalancer app/shop/0123, TargetGroup targetgroup/shop-blue/4567': {
        ...traffic,
        RequestCountPerTarget: 3.5,
        HealthyHostCount: 1,
        UnHealthyHostCount: 1,
      },
      'TargetGroup targetgroup/shop-blue/4567': { RequestCountPerTarget: 3.5 },
    });
    const names = (index: number) => batches[index]?.data.map((datum) => datum.MetricName);
    expect(names(1)).toEqual(['HealthyHostCount', 'UnHealthyHostCount']);
    expect(names(2)).toEqual(['NewConnectionCount', 'HealthyHostCount', 'UnHealthyHostCount']);
  });
});

describe('the authority behind HTTPS listeners', () => {
  it('is made once, and its key is for nobody else to read', async () => {
    const paths = sandboxPaths(folder);
    const first = await sandboxAuthority(paths);
    expect(await sandboxAuthority(paths)).toEqual(first);
    const certificate = await readFile(paths.authorityCertificate, 'utf8');
    expect(new X509Certificate(certificate).ca).toBe(true);
    expect(certificate).not.toContain('PRIVATE KEY');
    expect((await stat(path.dirname(paths.authorityCertificate))).mode & 0o077).toBe(0);
  });
});

describe('free ports', () => {
  it('are given to one only, until they are given back', async () => {
    const pool = new PortPool();
    const ports = await Promise.all(Array.from({ length: 50 }, () => pool.take()));
    expect(new Set(ports).size).toBe(50);
    expect(await isFreePort(ports[0] ?? 0)).toBe(true);
  });
});
