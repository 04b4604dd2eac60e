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
