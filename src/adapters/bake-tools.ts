import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BasculeError, messageOf } from '../domain/errors';

const execute = promisify(execFile);

/** A program that answers its version takes no longer, even on a machine that is busy. */
const ANSWER_MILLISECONDS = 60_000;

const BUNDLE =
  'Or set `builder: bundle` in bascule:image of Pulumi.image.yaml: it needs neither, and instances unpack the release at their first boot.';

const GET_PACKER = [
  'Debian, Ubuntu: sudo apt-get install packer ansible openssh-client',
  'macOS: brew install hashicorp/tap/packer ansible',
  'others, and later versions: https://developer.hashicorp.com/packer/install',
];

const GET_ANSIBLE = [
  'Debian, Ubuntu: sudo apt-get install ansible openssh-client',
  'macOS: brew install ansible',
  'anywhere with Python: pipx install --include-deps ansible',
];

/** Plugins that later versions of Packer bring no more; each has to be installed by itself. */
const PLUGINS = ['amazon', 'ansible'];
/** The first version of Packer without plugins inside (its changelog, 1.10.0). */
const WITHOUT_PLUGINS: [number, number] = [1, 10];

/**
 * What Packer and Ansible are here, as `packer 1.6.6, ansible 2.14.18`.
 * @throws BasculeError BASCULE_PACKER_MISSING (exit code 2) when one of them is missing or is not what it should be.
 */
export async function bakeTools(): Promise<string> {
  const [packer, ansible] = await Promise.all([packerVersion(), ansibleVersion()]);
  return `packer ${packer}, ansible ${ansible}`;
}

async function packerVersion(): Promise<string> {
  const answer = await ask('packer', ['version']);
  if (answer.kind === 'missing') throw missing('Packer is not installed', [], GET_PACKER);
  const version = /^Packer v(\d+\.\d+\.\d+)/m.exec(answer.output)?.[1];
  if (version === undefined)
    throw missing(
      'the program `packer` on the PATH is not HashiCorp Packer (cracklib has one of that name), or does not run',
      lastLines(answer.output),
      GET_PACKER,
    );
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > WITHOUT_PLUGINS[0] || (major === WITHOUT_PLUGINS[0] && minor >= WITHOUT_PLUGINS[1]))
    await requirePlugins(version);
  return version;
}

async function requirePlugins(version: string): Promise<void> {
  const answer = await ask('packer', ['plugins', 'installed']);
  const output = answer.kind === 'missing' ? '' : answer.output;
  const without = PLUGINS.filter((plugin) => !output.includes(`github.com/hashicorp/${plugin}`));
  if (without.length === 0) return;
  throw missing(
    `Packer ${version} has no plugin for ${without.join(' and ')}`,
    [],
    without.map((plugin) => `packer plugins install github.com/hashicorp/${plugin}`),
  );
}

async function ansibleVersion(): Promise<string> {
  const answer = await ask('ansible-playbook', ['--version']);
  if (answer.kind === 'missing')
    throw missing('ansible-playbook, which Packer runs, is not installed', [], GET_ANSIBLE);
  const version = /^ansible-playbook \[?(?:core )?(\d+\.\d+(?:\.\d+)?)/m.exec(answer.output)?.[1];
  if (version === undefined)
    throw missing('ansible-playbook does not run', lastLines(answer.output), GET_ANSIBLE);
  return version;
}

type Answer = { kind: 'missing' } | { kind: 'answered'; output: string };

async function ask(program: string, args: string[]): Promise<Answer> {
  const env = { ...process.env, CHECKPOINT_DISABLE: '1', PACKER_NO_COLOR: '1', ANSIBLE_NOCOLOR: '1' };
  const run = execute(program, args, { timeout: ANSWER_MILLISECONDS, env });
  // One that waits for input gets its end.
  run.child.stdin?.end();
  try {
    const { stdout, stderr } = await run;
    return { kind: 'answered', output: `${stdout}\n${stderr}` };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'missing' };
    const { stdout = '', stderr = '' } = thrown as { stdout?: string; stderr?: string };
    return { kind: 'answered', output: `${stdout}\n${stderr}\n${messageOf(thrown)}` };
  }
}

function lastLines(output: string): string[] {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-3);
}

function missing(what: string, said: string[], get: string[]): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PACKER_MISSING',
    message: `This image cannot be baked here: ${what}. Nothing was touched.`,
    details: [...said, ...get],
    next: `Install what is missing, by one of the lines above, and bake again. ${BUNDLE}`,
  });
}
