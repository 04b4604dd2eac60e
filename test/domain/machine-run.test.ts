import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInvocation } from '../../src/domain/machine-invocation';
import {
  commentOf,
  endingScript,
  executionTimeout,
  machineScript,
  readScriptOutput,
  type MachineCommand,
} from '../../src/domain/machine-run';
import { until } from '../support/until';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-machine-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function order(script: string, changes: Partial<MachineCommand> = {}): MachineCommand {
  return {
    name: 'bascule one expand',
    service: 'shop',
    version: '2.0.0',
    command: ['sh', '-c', script],
    environment: {},
    timeoutSeconds: 60,
    ...changes,
  };
}

/** Runs the script as the sandbox does, in a group of processes of its own. */
function run(given: MachineCommand) {
  const options = { cwd: folder, detached: true, env: { ...process.env, BASCULE_MACHINE: folder } };
  const { stdout, status } = spawnSync('/bin/sh', ['-c', machineScript(given)], options);
  return { ...readScriptOutput(stdout.toString()), status };
}

describe('the script of a run', () => {
  it('passes arguments and variables on as they are', () => {
    const given = order('', {
      command: ['sh', '-c', 'printf "%s|" "$@" "$WITH" "$PWD"', 'sh', "it's", '$HOME `id` "x"', 'a\nb', ''],
      environment: { WITH: 'a\'b"c$d\\e' },
    });
    expect(run(given)).toEqual({
      ending: { kind: 'exited', code: 0 },
      output: `it's|$HOME \`id\` "x"|a\nb||a'b"c$d\\e|${folder}|`,
      status: 0,
    });
  });

  it('tells the exit code, and what was printed on either stream in its order', () => {
    expect(run(order('echo one; echo two >&2; echo three; exit 3'))).toEqual({
      ending: { kind: 'exited', code: 3 },
      output: 'one\ntwo\nthree',
      status: 3,
    });
  });

  it('shows the last of a long output, and leaves all of it on the instance', async () => {
    const { output } = run(order('seq 1 20000'));
    expect(output.endsWith('19999\n20000')).toBe(true);
    expect(output.length).toBeLessThan(24_000 - 200);
    const { stdout } = await promisify(execFile)('sh', ['-c', `cat ${folder}/runs/*/output`]);
    expect(stdout.startsWith('1\n2\n')).toBe(true);
  });

  it('ends what takes too long with all that it started, and shows what that had printed', async () => {
    const child = path.join(folder, 'child');
    const given = order(`echo begun; sleep 100 & echo $! >${child}; wait`, { timeoutSeconds: 1 });
    expect(run(given)).toMatchObject({ ending: { kind: 'timed-out' }, output: 'begun' });
    const pid = (await readFile(child, 'utf8')).trim();
    // Killed is not yet gone, and gone may still be a zombie where nobody waits for orphans.
    await until(
      () => Promise.resolve(spawnSync('ps', ['-o', 'state=', '-p', pid], { encoding: 'utf8' }).stdout.trim()),
      (state) => state === '' || state.startsWith('Z'),
    );
  });

  it('does not let a command restart the machine by its exit code', () => {
    expect(run(order('exit 194'))).toMatchObject({ ending: { kind: 'exited', code: 194 }, status: 1 });
  });

  it('does nothing where a run of this name has begun, and where its name is another', async () => {
    const mark = path.join(folder, 'mark');
    expect(run(order(`echo x >>${mark}`)).ending).toEqual({ kind: 'exited', code: 0 });
    expect(run(order(`echo x >>${mark}`)).ending).toEqual({ kind: 'begun-before' });
    expect(await readFile(mark, 'utf8')).toBe('x\n');
    expect(run(order(`echo x >>${mark}`, { name: 'bascule two expand' })).ending?.kind).toBe('exited');
  });

  it('is ended by another script, with what it had printed, and kept from beginning', async () => {
    const given = order(`echo begun; touch ${folder}/begun; sleep 100`);
    const options = { cwd: folder, env: { ...process.env, BASCULE_MACHINE: folder } };
    const running = promisify(execFile)('/bin/sh', ['-c', machineScript(given)], options).catch(
      (ended: { stdout: string; stderr: string }) => ended,
    );
    await until(
      () => Promise.resolve(existsSync(`${folder}/begun`)),
      (begun) => begun,
    );
    spawnSync('/bin/sh', ['-c', endingScript(given)], options);
    const { stdout, stderr } = await running;
    expect(readScriptOutput(stdout)).toEqual({ ending: { kind: 'ended' }, output: 'begun' });
    expect(stderr).toBe('');
    const later = order(`touch ${folder}/later`, { name: 'bascule two expand' });
    spawnSync('/bin/sh', ['-c', endingScript(later)], options);
    expect(run(later).ending).toEqual({ kind: 'begun-before' });
    expect(existsSync(`${folder}/later`)).toBe(false);
  });

  it('does not begin where it cannot remember that it did', async () => {
    await writeFile(path.join(folder, 'runs'), '');
    expect(run(order('true')).ending).toEqual({
      kind: 'not-started',
      why: `no folder can be made in ${folder}`,
    });
  });

  it('says of a machine that is none of its service’s that it did not begin', () => {
    const given = order('true', { service: 'no-such-service' });
    const { stdout } = spawnSync('/bin/sh', ['-c', machineScript(given)], { encoding: 'utf8' });
    expect(readScriptOutput(stdout).ending).toMatchObject({ kind: 'not-started' });
  });
});

describe('the comment of a run', () => {
  it('is its name, and never longer than a comment may be', () => {
    expect(commentOf(order('true'))).toBe('bascule one expand');
    const long = commentOf(order('true', { name: `${'a'.repeat(100)}1` }));
    expect(long).toHaveLength(100);
    expect(long).not.toBe(commentOf(order('true', { name: `${'a'.repeat(100)}2` })));
  });

  it('gives the agent more time than the script takes for itself', () => {
    expect(executionTimeout(order('true', { timeoutSeconds: 900 }))).toBeGreaterThan(910);
  });
});

describe('what Systems Manager says', () => {
  const printed = (last: string) => `line\n\nbascule: ${last}\n`;

  it.each(['Pending', 'InProgress', 'Delayed', 'Cancelling'])('is no end while it is %s', (Status) => {
    expect(readInvocation({ Status, StatusDetails: Status })).toEqual({ kind: 'under-way' });
  });

  it('is the script’s word where there is one', () => {
    const said = { Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 1 };
    const read = (last: string) => readInvocation({ ...said, StandardOutputContent: printed(last) });
    expect(read('exited 194')).toEqual({
      kind: 'ended',
      ending: { kind: 'exited', code: 194 },
      output: 'line',
    });
    expect(read('timed-out')).toMatchObject({ ending: { kind: 'timed-out' } });
    expect(read('ended')).toMatchObject({ ending: { kind: 'gone', why: 'it was ended on request' } });
    expect(read('begun-before')).toEqual({ kind: 'begun-before' });
    expect(read('not-started there is no user shop')).toMatchObject({
      ending: { kind: 'not-started', why: 'there is no user shop', undelivered: false },
    });
  });

  it('does not take a line of the command’s own for the script’s last one', () => {
    const cut = { Status: 'Failed', StandardOutputContent: 'bascule: exited 0\nmore' };
    expect(readInvocation(cut)).toMatchObject({
      ending: { kind: 'gone' },
      output: 'bascule: exited 0\nmore',
    });
  });

  it.each([
    ['TimedOut', 'Delivery Timed Out', 'not-started'],
    ['TimedOut', 'DeliveryTimedOut', 'not-started'],
    ['Failed', 'Undeliverable', 'not-started'],
    ['TimedOut', 'ExecutionTimedOut', 'timed-out'],
    ['Cancelled', 'Cancelled', 'gone'],
    ['Failed', 'Failed', 'gone'],
  ])('is concluded from %s, %s where the script said nothing', (Status, StatusDetails, kind) => {
    const reading = readInvocation({ Status, StatusDetails, StandardErrorContent: 'sh: killed\n' });
    expect(reading).toMatchObject({ kind: 'ended', ending: { kind }, output: 'sh: killed' });
  });
});
