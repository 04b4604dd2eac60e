const native = AbortSignal as { any?: (signals: AbortSignal[]) => AbortSignal };

/** Aborted as soon as either is. Node has this from 20.3 on, without a listener that stays; Bascule runs on 20.0. */
export function eitherAborted(one: AbortSignal, other: AbortSignal): AbortSignal {
  if (native.any !== undefined) return native.any([one, other]);
  const both = new AbortController();
  for (const signal of [one, other]) {
    if (signal.aborted) both.abort(signal.reason);
    else signal.addEventListener('abort', () => both.abort(signal.reason), { once: true });
  }
  return both.signal;
}
