import * as path from 'node:path';
import { BasculeError } from '../../../src/domain/errors';
import { describeAccount, type BuildMachineInfo, type SandboxInfo } from './info';
import { quote } from './plugins';
import { sandboxPaths } from './paths';
import { SANDBOX_KEY, SANDBOX_REGION } from './settings';

const LOOPBACK = ['127.0.0.1', 'localhost', '127.0.0.0/8'];

/** Variables that would lead a tool past the sandbox when the user happens to have them set. */
const LEADS_ASTRAY =
  /^((AWS|PULUMI)_|PKR_VAR_(ssh_(host|port|username|private_key_file|keypair_name)|root|become)$)/;

/**
 * What a program needs in its environment to use the sandbox instead of AWS, and to keep its Pulumi state
 * there. Set it over an environment that `withoutAws` has cleared, or a profile of the user's may win.
 */
export function sandboxEnv(info: SandboxInfo): Record<string, string> {
  const paths = sandboxPaths(info.folder);
  const noProxy = mergeLists(process.env['NO_PROXY'] ?? process.env['no_proxy'], LOOPBACK, ',');
  return {
    BASCULE_SANDBOX: info.folder,
    AWS_ENDPOINT_URL: info.endpoint,
    AWS_ACCESS_KEY_ID: SANDBOX_KEY,
    AWS_SECRET_ACCESS_KEY: SANDBOX_KEY,
    AWS_REGION: SANDBOX_REGION,
    AWS_DEFAULT_REGION: SANDBOX_REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    // The control plane sends no checksums back, and the Pulumi engine would warn of each answer without one.
    AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
    AWS_CONFIG_FILE: paths.awsConfig,
    AWS_SHARED_CREDENTIALS_FILE: paths.awsCredentials,
    AWS_PAGER: '',
    PULUMI_HOME: paths.pulumiHome,
    PULUMI_BACKEND_URL: info.backendUrl,
    // Not a secret: a stack's settings are encrypted with it, and must still open after a reset.
    PULUMI_CONFIG_PASSPHRASE: 'sandbox',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    NODE_EXTRA_CA_CERTS: paths.trustedCertificates,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    PATH: mergeLists(process.env['PATH'], info.engineFolder ? [info.engineFolder] : [], path.delimiter),
    ...(info.buildMachine === null ? {} : packerVariables(info.buildMachine)),
  };
}

/** Variables of Bascule's Packer template: where an instance is that an image is made of, and what is its disk. */
function packerVariables(machine: BuildMachineInfo): Record<string, string> {
  return {
    PKR_VAR_ssh_host: machine.host,
    PKR_VAR_ssh_port: String(machine.port),
    PKR_VAR_ssh_username: machine.user,
    PKR_VAR_ssh_private_key_file: machine.privateKeyFile,
    PKR_VAR_ssh_keypair_name: machine.keyPair,
    PKR_VAR_root: machine.disk,
    PKR_VAR_become: 'false',
  };
}

/** A copy of an environment without what belongs to AWS or Pulumi, or names a machine to Packer. */
export function withoutAws(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !LEADS_ASTRAY.test(name)));
}

/** Puts `first` in front of a list as environment variables hold it, each entry once. */
function mergeLists(list: string | undefined, first: string[], separator: string): string {
  const entries = [...first, ...(list ?? '').split(separator)].filter((entry) => entry !== '');
  return [...new Set(entries)].join(separator);
}

/**
 * Lines for `eval` that set the environment and unset what would lead astray.
 * `sh`, `bash` and `zsh` are one; there is `fish`; `json` is one object for programs, with null for unset.
 */
export function renderEnv(env: Record<string, string>, shell: string): string {
  const unset = Object.keys(process.env).filter((name) => LEADS_ASTRAY.test(name) && !(name in env));
  const entries = Object.entries(env);
  switch (shell) {
    case 'json':
      return JSON.stringify({ ...env, ...Object.fromEntries(unset.map((name) => [name, null])) }, null, 2);
    case 'fish':
      return [
        ...unset.map((name) => `set -e ${name};`),
        ...entries.map(([name, value]) => `set -gx ${name} ${quoteForFish(value)};`),
      ].join('\n');
    case 'sh':
    case 'bash':
    case 'zsh':
      return [
        ...unset.map((name) => `unset ${name}`),
        ...entries.map(([name, value]) => `export ${name}=${quote(value)}`),
      ].join('\n');
    default:
      throw new BasculeError({
        code: 'BASCULE_SANDBOX_SHELL_UNKNOWN',
        message: `The sandbox's environment cannot be printed for the shell '${shell}'.`,
        next: 'Use --shell sh (bash, zsh and other POSIX shells), fish or json.',
      });
  }
}

function quoteForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** The content of the AWS configuration file; tools that build bucket host names are told not to. */
export function awsConfigFile(accounts: readonly string[]): string {
  const common = `region = ${SANDBOX_REGION}\noutput = json\ns3 =\n    addressing_style = path\n`;
  const profiles = accounts.map(describeAccount).map(
    ({ profile, roles }) =>
      // The keys in the environment are those that assume the role.
      `[profile ${profile}]\nrole_arn = ${roles.deploy}\ncredential_source = Environment\n${common}`,
  );
  return [`[default]\n${common}`, ...profiles].join('\n');
}
