import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { ensureEngine } from '../../automation/engine';
import { sandboxEnv, withoutAws, type SandboxInfo } from '../../automation/sandbox';

const execute = promisify(execFile);
const PROJECT = path.resolve(__dirname, '../..');

export interface CliResult {
  ok: boolean;
  /** What it printed, on both streams. */
  text: string;
}

/** Plain `pulumi` as a person uses it who has set the sandbox's environment, in a project folder of its own. */
export class PulumiCli {
  private constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async in(folder: string, sandbox: SandboxInfo): Promise<PulumiCli> {
    await mkdir(folder);
    await copyFile(path.join(PROJECT, 'Pulumi.yaml'), path.join(folder, 'Pulumi.yaml'));
    for (const name of ['dist', 'node_modules', 'package.json']) {
      await symlink(path.join(PROJECT, name), path.join(folder, name));
    }
    const engine = await ensureEngine();
    const PATH = [engine.folder, path.join(PROJECT, 'bin'), process.env['PATH'] ?? ''].join(path.delimiter);
    return new PulumiCli(folder, { ...withoutAws(process.env), ...sandboxEnv(sandbox), PATH });
  }

  async configure(stack: string, config: Record<string, unknown>): Promise<void> {
    await writeFile(path.join(this.folder, `Pulumi.${stack}.yaml`), stringify({ config }));
  }

  async run(...args: string[]): Promise<CliResult> {
    const options = { cwd: this.folder, env: this.env, maxBuffer: 1 << 26 };
    try {
      const { stdout, stderr } = await execute('pulumi', [...args, '--non-interactive'], options);
      return { ok: true, text: stdout + stderr };
    } catch (thrown) {
      const { stdout, stderr } = thrown as { stdout: string; stderr: string };
      return { ok: false, text: stdout + stderr };
    }
  }

  /** Runs a command that has to succeed. */
  async must(...args: string[]): Promise<string> {
    const { ok, text } = await this.run(...args);
    if (!ok) throw new Error(`pulumi ${args.join(' ')} failed:\n${text}`);
    return text;
  }

  async up(stack: string, ...args: string[]): Promise<CliResult> {
    return this.run('up', '--yes', '--skip-preview', '--stack', stack, ...args);
  }

  async outputs(stack: string): Promise<Record<string, unknown>> {
    return JSON.parse(await this.must('stack', 'output', '--json', '--stack', stack)) as Record<
      string,
      unknown
    >;
  }
}
