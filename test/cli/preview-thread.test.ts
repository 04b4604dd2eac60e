import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PROJECT = path.resolve(__dirname, '../..');
const THREAD = path.join(PROJECT, 'dist', 'automation', 'cli', 'preview-thread.js');

/** What a process of its own says, which has to end by itself. */
async function said(script: string): Promise<unknown> {
  const shown = {
    engine: { command: 'no-such-engine', version: '3.259.0' },
    stack: 'production',
    program: { kind: 'fleet', environment: 'production', region: 'eu-west-3', colour: 'green' },
    projectFolder: PROJECT,
    configFile: path.join(PROJECT, 'no-such-file.yaml'),
    variables: {},
  };
  const begin = `
    const { PreviewThread } = require(${JSON.stringify(THREAD)});
    const shown = ${JSON.stringify(shown)};
    const tell = (what) => console.log(JSON.stringify(what));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', `${begin}${script}`], {
    cwd: PROJECT,
  });
  return JSON.parse(stdout);
}

it('gives an error of the other thread as it was thrown there, with its place', async () => {
  const script = `
    const thread = new PreviewThread();
    thread.steps(shown).catch((thrown) => {
      const { name, code, message, next, exitCode, details } = thrown;
      tell({ name, code, message, next, exitCode, details, place: thrown.cause.stack.includes('no-such-engine') });
      thread.close();
    });`;
  expect(await said(script)).toEqual({
    name: 'BasculeError',
    code: 'BASCULE_STACK_FAILED',
    message: 'Pulumi could not finish the stack production.',
    next: expect.stringContaining('pulumi preview --stack production'),
    exitCode: 3,
    details: [expect.stringContaining('no-such-engine')],
    place: true,
  });
});

it('keeps no process alive that asks it nothing', async () => {
  expect(await said(`new PreviewThread(); tell('ends');`)).toBe('ends');
});

it('answers nothing any more once it is stopped', async () => {
  const script = `
    const thread = new PreviewThread();
    const answers = [];
    thread.steps(shown).then(() => answers.push('steps'), () => answers.push('error'));
    thread.stop().then(() => tell(answers));`;
  expect(await said(script)).toEqual([]);
});
