/** The code of an AWS error, for example InvalidVpcID.NotFound; empty for anything else. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : '';
}

export function isNotFound(thrown: unknown): boolean {
  return /NotFound|NoSuch|^404$|\.Malformed$/.test(codeOf(thrown));
}

/** The answer, or undefined when AWS says that there is no such thing. */
export async function ifFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}

/** Undefined when AWS refuses because something still uses it; the codes say what counts as that. */
export async function unlessInUse(
  codes: readonly string[],
  action: () => Promise<unknown>,
): Promise<true | undefined> {
  try {
    await action();
    return true;
  } catch (thrown) {
    if (isNotFound(thrown)) return true;
    if (codes.includes(codeOf(thrown))) return undefined;
    throw thrown;
  }
}
