/** After the cutover: what falls sick while it soaks is taken out of traffic, weights first. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Program } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { alsoAs } from '../support/releases';
import { must, until } from '../support/until';

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.fickle, (settings) => {
    // Auto Scaling must not heal what the test makes sick.
    settings.fleet.healthGraceSeconds = 600;
  });
  await alsoAs(live, '1.0.0', ['2.0.0']);
  await live.change((settings) => {
    settings.deployment.soakSeconds = 120;
  });
});

afterAll(() => live?.dispose());

async function soaking(): Promise<Program> {
  const program = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0');
  await program.says(/soak for 120 s/);
  expect(soleColour(await live.forwards())).toBe('blue');
  return program;
}

test('Ctrl-C leaves all traffic on one colour, both warm, and the way back open', async () => {
  const { load } = await live.underLoad(async () => {
    const program = await soaking();
    program.signal('SIGINT');
    const answer = await live.answerOf(program);
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(5);
    expect(answer.json).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_STOPPED' } });
    expect(answer.stderr).toMatch(/Stopping at the next safe point: .*soak/);
    expect(soleColour(await live.forwards())).toBe('blue');
    expect(await live.instances('green')).toHaveLength(2);
    expect(await live.instances('blue')).toHaveLength(2);
    const back = await live.run('rollback', ENVIRONMENT);
    expect(back.exitCode, back.stdout + back.stderr).toBe(0);
    expect(back.json).toMatchObject({ from: '2.0.0', to: '1.0.0', outcome: 'succeeded' });
    expect(soleColour(await live.forwards())).toBe('green');
  });
  expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
});

test('a new fleet that sickens gives its traffic back first and is let go afterwards', async () => {
  const { result: answer, load } = await live.underLoad(async (running) => {
    const program = await soaking();
    await live.tell('blue', '/sicken');
    const answer = await live.answerOf(program);
    // Traffic goes on, and none of it reaches the colour that was left.
    const before = running.snapshot();
    const later = await running.until(({ sent }) => sent > before.sent + 100);
    expect(later.byVersion['2.0.0 blue']).toBe(before.byVersion['2.0.0 blue']);
    return answer;
  });
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(4);
  expect(answer.json).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_SOAK_FAILED' } });
  expect(answer.json.reason?.details.join('\n')).toMatch(/^i-[0-9a-f]+: .*target unhealthy/m);
  expect(soleColour(await live.forwards())).toBe('green');
  expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
  const records = await live.journal(must(answer.json.deployment));
  const story = records.flatMap((record) => {
    const undoing = record.kind === 'undoStarted' || record.kind === 'undone' || record.kind === 'failed';
    return undoing ? `${record.kind} ${record.step.split(':')[0]}` : [];
  });
  expect(story).toEqual([
    'failed soak',
    'undoStarted shift',
    'undone shift',
    'undoStarted hold',
    'undone hold',
    'undoStarted apply-idle',
    'undone apply-idle',
  ]);
});

test('with both colours sick nothing moves and a person is called', async () => {
  const program = await soaking();
  // The former colour first: were the other one found sick alone, there would be a way back.
  await live.tell('green', '/sicken');
  await until(
    async () => (await live.status()).regions[0]?.fleets.find(({ colour }) => colour === 'green')?.healthy,
    (healthy) => healthy === 0,
    60,
  );
  await live.tell('blue', '/sicken');
  const answer = await live.answerOf(program);
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(5);
  expect(answer.json).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_NO_WAY_BACK' } });
  expect(soleColour(await live.forwards())).toBe('blue');
  expect(await live.instances('blue')).toHaveLength(2);
  expect(await live.instances('green')).toHaveLength(2);
  const records = await live.journal(must(answer.json.deployment));
  const undone = records.flatMap((record) => (record.kind === 'undone' ? [record.step.split(':')[0]] : []));
  expect(undone).toEqual(['hold']);
});
