import { describe, expect, it } from 'vitest';
import { untilAnswered } from '../../src/adapters/stack-silence';

const SLOW_DOWN =
  'Command failed: pulumi stack output\nerror: operation error S3: GetObject, api error SlowDown';
const EXPIRED =
  'Command failed: pulumi stack output\nerror: operation error S3: GetObject, api error ExpiredToken';

/** Fails with each of these words, then answers. */
function failing(...words: string[]) {
  let asked = 0;
  const read = (): Promise<string> => {
    const word = words[asked];
    asked += 1;
    return word === undefined ? Promise.resolve('the outputs') : Promise.reject(new Error(word));
  };
  return { read, asked: () => asked };
}

describe('untilAnswered', () => {
  it('asks again what AWS did not answer the engine', async () => {
    const { read, asked } = failing(SLOW_DOWN, SLOW_DOWN);
    await expect(untilAnswered(read, [1, 1, 1])).resolves.toBe('the outputs');
    expect(asked()).toBe(3);
  });

  it('gives up after its last pause', async () => {
    const { read, asked } = failing(SLOW_DOWN, SLOW_DOWN, SLOW_DOWN);
    await expect(untilAnswered(read, [1, 1])).rejects.toThrow('SlowDown');
    expect(asked()).toBe(3);
  });

  it.each([['error: no stack named production found'], [EXPIRED]])(
    'does not ask again after %s',
    async (words) => {
      const { read, asked } = failing(words);
      await expect(untilAnswered(read, [1, 1])).rejects.toThrow(words);
      expect(asked()).toBe(1);
    },
  );
});
