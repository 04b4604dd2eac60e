const LINE_EVERY_MS = 15_000;
const REDRAW_EVERY_MS = 200;

/**
 * Tells a person what the set-up does. Steps that take less than `quietMs` and succeed are not worth a line.
 * On a terminal the running step is one live line; elsewhere it is a line at its start and one every 15 s.
 * This is the `Progress` of automation/engine/progress.ts; it is plain JavaScript because the first thing it
 * reports on is the installation of what compiles TypeScript.
 */
export function createProgress(stream = process.stderr, { quietMs = 700 } = {}) {
  const live = Boolean(stream.isTTY) && !process.env.CI;
  return {
    note: (line) => void stream.write(`${line}\n`),
    start: (title) => startTask(stream, live, title, quietMs),
  };
}

function startTask(stream, live, title, quietMs) {
  const began = Date.now();
  let detail = '';
  let shown = false;
  const describe = () => `  ${title}${detail ? `: ${detail}` : ''} (${elapsed(began)})`;
  const draw = () => {
    if (live) stream.write(`\r\x1b[2K${fit(describe(), stream.columns)}`);
    else stream.write(shown ? `${describe()}\n` : `  ${title} ...\n`);
    shown = true;
  };
  // Not unref'd and not needed to be: finish() always clears it, and a set-up that hangs should say so.
  let timer = setTimeout(function tick() {
    draw();
    timer = setTimeout(tick, live ? REDRAW_EVERY_MS : LINE_EVERY_MS);
  }, quietMs);
  const finish = (mark, outcome) => {
    clearTimeout(timer);
    if (live && shown) stream.write('\r\x1b[2K');
    if (mark === 'x' || shown)
      stream.write(`${mark} ${title}${outcome ? `: ${outcome}` : ''} (${elapsed(began)})\n`);
  };
  return {
    update: (text) => void (detail = text.replace(/\s+/g, ' ').trim().slice(0, 90)),
    done: (outcome) => finish('+', outcome),
    fail: (reason) => finish('x', reason),
  };
}

/** Elapsed time since `began` (Unix milliseconds) for people: 12 s, 3 min 05 s. */
export function elapsed(began, now = Date.now()) {
  const seconds = (now - began) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

function fit(line, columns) {
  // Some terminals do not tell their width, or call it 0.
  const width = columns || 80;
  return line.length < width ? line : `${line.slice(0, Math.max(width - 4, 10))}...`;
}
