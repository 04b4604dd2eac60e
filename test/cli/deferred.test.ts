import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PROJECT = path.resolve(__dirname, '../..');
const MODULE = path.join(PROJECT, 'dist', 'automation', 'cli', 'deferred.js');

/** What a process of its own says, for the loading of modules is one for the whole process. */
async function said(script: string): Promise<unknown> {
  const begin = `require(${JSON.stringify(MODULE)}).deferSeldomModules();`;
  const loaded = `const loaded = () => Object.keys(require.cache).some((file) => file.includes('/typescript/lib/'));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', `${begin}${loaded}${script}`], {
    cwd: PROJECT,
  });
  return JSON.parse(stdout);
}

it('leaves the compiler out of what the SDK loads', async () => {
  const script = `require('@pulumi/pulumi/automation'); require('@pulumi/aws'); console.log(JSON.stringify(loaded()));`;
  expect(await said(script)).toBe(false);
});

it('loads it for those who use it', async () => {
  const script = `
    const { runtime } = require('@pulumi/pulumi');
    const answer = 42;
    runtime.serializeFunction(() => answer).then(({ text }) =>
      console.log(JSON.stringify({ loaded: loaded(), serialised: text.includes('answer: 42') })));`;
  expect(await said(script)).toEqual({ loaded: true, serialised: true });
});

const AWS = path.join(PROJECT, 'dist', 'src', 'adapters', 'aws.js');

it('loads the client of an AWS service when it is first used, and no other one', async () => {
  const script = `
    const clients = require(${JSON.stringify(AWS)}).createClients('eu-west-3');
    const there = () =>
      ['s3', 'ec2'].map((name) => Object.keys(require.cache).some((file) => file.includes('/client-' + name + '/')));
    const before = there();
    clients.s3.config;
    console.log(JSON.stringify([before, there()]));`;
  expect(await said(script)).toEqual([
    [false, false],
    [true, false],
  ]);
});

it('gives all names of a client that is imported late', async () => {
  const module = path.join(PROJECT, 'dist', 'src', 'adapters', 'objects.js');
  const script = `
    const Module = require('node:module');
    const own = new Module(${JSON.stringify(module)}, null);
    own.filename = ${JSON.stringify(module)};
    own.paths = Module._nodeModulePaths(${JSON.stringify(path.dirname(module))});
    const found = own.require('@aws-sdk/client-s3');
    console.log(JSON.stringify([Object.getOwnPropertyNames(found).includes('HeadBucketCommand'), typeof { ...found }.HeadBucketCommand]));`;
  expect(await said(script)).toEqual([true, 'function']);
});
