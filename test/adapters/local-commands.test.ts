/** Migrations as commands of this machine; that they do not outlive their driver is proven end to end. */
import { describe, expect, it } from 'vitest';
import { LocalMigrations } from '../../src/adapters/local-commands';
import type { LocalCommand } from '../../src/ports';

const commands = new LocalMigrations();
const never = new AbortController().signal;

function script(text: string, change: Partial<LocalCommand> = {}): LocalCommand {
  return { command: [process.execPath, '-e', text], environment: {}, timeoutSeconds: 30, ...change };
}

describe('a migration on this machine', () => {
  it("has Bascule's environment and its own, no input, and is answered by its code and the end of its output", async () => {
    const order = script(
      `process.stdin.on('data', () => process.exit(9)).on('end', () => {
        console.log('x'.repeat(9000)); console.log(process.env.BASCULE_REGION, process.env.PATH !== undefined);
        process.exitCode = 3; });`,
      { environment: { BASCULE_REGION: 'eu-west-3' } },
    );
    const { ending, output } = await commands.run(order, never);
    expect(ending).toEqual({ kind: 'exited', code: 3 });
    expect(output).toMatch(/x\neu-west-3 true\n$/);
    expect(output).toHaveLength(4000);
  });

  it('that cannot be started says why', async () => {
    const missing = { command: ['/no/such/command'], environment: {}, timeoutSeconds: 5 };
    expect((await commands.run(missing, never)).ending).toMatchObject({ kind: 'not-started' });
  });

  it('that does not end in time is asked to, and may take back what it began', async () => {
    // The shell, since Node may take longer than that before it can be asked.
    const stubborn = `trap 'sleep 1; echo taken back; exit 0' TERM; while :; do sleep 0.1; done`;
    const order = { command: ['sh', '-c', stubborn], environment: {}, timeoutSeconds: 2 };
    const { ending, output } = await commands.run(order, never);
    expect(ending).toEqual({ kind: 'timed-out' });
    expect(output).toContain('taken back');
  });
});
