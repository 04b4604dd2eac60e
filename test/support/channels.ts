/** What tests of a channel need, whatever it carries. */

/** A signal that ends nothing. */
export const patient = (): AbortSignal => new AbortController().signal;

/** Why something was not taken. */
export async function failure(work: Promise<unknown>): Promise<string> {
  const thrown: unknown = await work.then(
    () => new Error('was taken'),
    (error: unknown) => error,
  );
  return thrown instanceof Error ? thrown.message : String(thrown);
}
