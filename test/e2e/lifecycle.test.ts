import { afterAll, beforeAll, expect, test } from 'vitest';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.start();
});

afterAll(() => live?.dispose());

test('first', async () => {
  const t0 = Date.now();
  const mark = (w: string) => console.log(w, Date.now() - t0);
  await live.succeeds('up', ENVIRONMENT);
  mark('up');
  await live.bake('1.0.0', apps.service);
  mark('bake');
  const deployed = await live.deploy('1.0.0');
  mark('deploy');
  console.log(deployed.stderr, deployed.stdout);
  expect(deployed.exitCode).toBe(0);
  expect(soleColour(await live.forwards())).toBe('green');
  console.log(JSON.stringify(await live.status(), null, 1));
  mark('status');
  console.log(await live.pulumi('preview', '-s', ENVIRONMENT, '--expect-no-changes'));
  mark('preview');
  console.log(await live.pulumi('preview', '-s', `${ENVIRONMENT}.${live.region}.green`, '--expect-no-changes'));
  mark('preview');
});
