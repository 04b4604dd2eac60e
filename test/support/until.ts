import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer passes; a wait for what never comes fails with the last answer. */
export async function until<T>(
  ask: () => Promise<T>,
  passes: (answer: T) => boolean,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (passes(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`never came true; last: ${JSON.stringify(answer, null, 1)}`);
    await delay(50);
  }
}

export function must<T>(value: T | null | undefined, what = 'value'): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
