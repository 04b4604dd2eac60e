/** Where a set-up says what it does. Both scripts/lib/progress.mjs and `linesTo` are one. */
export interface Progress {
  /** A step that may take long begins. */
  start(title: string): Task;
  /** One line for a person. */
  note(line: string): void;
}

export interface Task {
  /** What the step is at now; shown with the next redraw. */
  update(detail: string): void;
  done(outcome?: string): void;
  fail(reason: string): void;
}

/** For callers that show nothing. */
export const silent: Progress = {
  note: () => undefined,
  start: () => ({ update: () => undefined, done: () => undefined, fail: () => undefined }),
};

/** Plain lines, one at the beginning and one at the end of each step. */
export function linesTo(write: (line: string) => void): Progress {
  return {
    note: write,
    start: (title) => {
      const began = Date.now();
      const end = (mark: string, words?: string): void =>
        write(`${mark} ${title}${words ? `: ${words}` : ''} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      write(`  ${title} ...`);
      return {
        update: () => undefined,
        done: (outcome) => end('+', outcome),
        fail: (reason) => end('x', reason),
      };
    },
  };
}
