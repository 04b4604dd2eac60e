import type { Reporter } from '../../../src/ports';
import { messagesOf } from '../../operations/following';
import type { Watched } from '../../operations/watch';
import { LiveBlock } from './live-block';
import { LineReporter } from './reporter';
import { fleetLines, headlines, renderWatch, weightLines } from './watch';
import { isInteractive } from './terminal';

/** Shows what is watched, look by look. */
export interface Watcher {
  show(watched: Watched): void;
  end(): void;
}

/** What changed since the last look, as plain lines: for logs, and for terminals that are not interactive. */
export class LineWatcher implements Watcher {
  private readonly told = new Map<string, string>();

  constructor(private readonly reporter: Reporter) {}

  show({ view, state, fresh }: Watched): void {
    if (this.told.size === 0) {
      this.told.set('', '');
      const title = `${view.environment}: ${view.from ?? 'nothing'} → ${view.to}`;
      const { deployment } = view;
      this.reporter.say({ kind: 'opened', deployment, title, steps: state.plan.steps });
    }
    for (const record of fresh) for (const message of messagesOf(record, state)) this.reporter.say(message);
    for (const line of headlines(view)) this.tell(line, line);
    for (const region of view.regions) {
      for (const line of weightLines(region))
        this.tell(`weights ${region.region}`, `weights [${region.region}]: ${line}`);
      for (const line of fleetLines(region))
        this.tell(`${region.region} ${line.trim().split(/[ :]/, 2).join(' ')}`, `${line} [${region.region}]`);
    }
  }

  end(): void {
    this.told.clear();
  }

  /** What was said already is not said again. */
  private tell(about: string, text: string): void {
    if (this.told.get(about) === text) return;
    this.told.set(about, text);
    this.reporter.say({ kind: 'note', text });
  }
}

/** Everything at once, drawn over and over. */
export class ScreenWatcher implements Watcher {
  private last = '';

  constructor(private readonly block: LiveBlock) {}

  show({ view }: Watched): void {
    this.last = renderWatch(view);
    this.block.show(this.last);
  }

  end(): void {
    this.block.end(this.last);
  }
}

/** The watcher that fits where the output goes. */
export function createWatcher(stream: NodeJS.WriteStream): Watcher {
  if (isInteractive(stream)) return new ScreenWatcher(new LiveBlock(stream));
  return new LineWatcher(new LineReporter({ write: (text) => void stream.write(text) }));
}
