/** What is used of a terminal. */
export interface Screen {
  write(text: string): unknown;
  columns: number;
  rows: number;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[J';

/**
 * A block of lines at the end of a terminal that is written over by the next. It is never taller or wider than
 * the screen: of what was scrolled away or wrapped nothing can be written over.
 */
export class LiveBlock {
  private height = 0;
  private readonly restore = (): void => void this.screen.write(SHOW_CURSOR);

  constructor(private readonly screen: Screen) {
    process.once('exit', this.restore);
  }

  show(text: string): void {
    const { rows, columns } = this.screen;
    const all = text.split('\n').map((line) => line.slice(0, Math.max(1, columns - 1)));
    const room = Math.max(1, rows - 1);
    const lines = all.length > room ? [...all.slice(0, room - 1), '…'] : all;
    this.screen.write(`${HIDE_CURSOR}${this.home()}${lines.join('\n')}\n`);
    this.height = lines.length;
  }

  /** Leaves the whole text behind, however long it is. */
  end(text: string): void {
    this.screen.write(`${this.home()}${text}\n${SHOW_CURSOR}`);
    this.height = 0;
    process.off('exit', this.restore);
  }

  private home(): string {
    return this.height === 0 ? CLEAR_BELOW : `\u001b[${this.height}A\r${CLEAR_BELOW}`;
  }
}
