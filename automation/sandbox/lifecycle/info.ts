import { BasculeError } from '../../../src/domain/errors';
import { MACHINE_KEY_PAIR } from './machine-files';
import type { SandboxPaths } from './paths';
import {
  existingSandbox,
  readSettings,
  SANDBOX_ACCOUNT,
  SANDBOX_BUCKET,
  SANDBOX_REGION,
  type SandboxSettings,
} from './settings';

/** What there is to know about a sandbox without asking it. */
export interface SandboxInfo {
  folder: string;
  /** Where every AWS API of the sandbox answers. */
  endpoint: string;
  port: number;
  region: string;
  /** The bucket that exists from the start. */
  bucket: string;
  pulumiHome: string;
  backendUrl: string;
  /** The folder of the Pulumi engine; null when the one on the PATH is used. */
  engineFolder: string | null;
  /** The first one is that of the sandbox's own environment. */
  accounts: AccountInfo[];
  /** The machine on which images are made; null when the sandbox has none. */
  buildMachine: BuildMachineInfo | null;
  /** The parts that this start had to start; empty when all was running. */
  started: string[];
}

/** An AWS account of the sandbox, and what it has from the start. */
export interface AccountInfo {
  id: string;
  bucket: string;
  /** ARNs of roles that anybody may assume. */
  roles: { deploy: string; approve: string };
  /** In the AWS configuration file of the sandbox; it assumes the role to deploy. */
  profile: string;
}

export function describeAccount(id: string): AccountInfo {
  const role = (name: string) => `arn:aws:iam::${id}:role/${name}`;
  return {
    id,
    bucket: id === SANDBOX_ACCOUNT ? SANDBOX_BUCKET : `${SANDBOX_BUCKET}-${id}`,
    roles: { deploy: role('bascule-deploy'), approve: role('bascule-approve') },
    profile: `account-${id}`,
  };
}

export interface BuildMachineInfo {
  host: string;
  port: number;
  user: string;
  privateKeyFile: string;
  /** As EC2 knows it, in every region. */
  keyPair: string;
  /** The folder that is its disk. */
  disk: string;
}

export function describeSandbox(
  paths: SandboxPaths,
  settings: SandboxSettings & { port: number },
  started: string[],
): SandboxInfo {
  const endpoint = `http://127.0.0.1:${settings.port}`;
  return {
    folder: paths.folder,
    endpoint,
    port: settings.port,
    region: SANDBOX_REGION,
    bucket: SANDBOX_BUCKET,
    pulumiHome: paths.pulumiHome,
    backendUrl: `s3://${SANDBOX_BUCKET}?endpoint=${endpoint}&use_path_style=true&region=${SANDBOX_REGION}`,
    engineFolder: settings.engineFolder,
    accounts: settings.accounts.map(describeAccount),
    buildMachine: settings.buildMachine && {
      host: '127.0.0.1',
      ...settings.buildMachine,
      privateKeyFile: paths.buildMachine.key,
      keyPair: MACHINE_KEY_PAIR,
      disk: paths.buildMachine.disk,
    },
    started,
  };
}

/** The sandbox in a folder, whether it runs or not; undefined when it was never started. */
export async function findSandbox(options: { folder?: string }): Promise<SandboxInfo | undefined> {
  const paths = await existingSandbox(options.folder);
  const settings = paths && (await readSettings(paths));
  if (!paths || !settings || settings.port === null) return undefined;
  return describeSandbox(paths, { ...settings, port: settings.port }, []);
}

/** As findSandbox, for commands that cannot do without one. */
export async function requireSandbox(options: { folder?: string }): Promise<SandboxInfo> {
  const info = await findSandbox(options);
  if (info) return info;
  throw new BasculeError({
    code: 'BASCULE_SANDBOX_ABSENT',
    message: `There is no sandbox${options.folder === undefined ? '' : ` in ${options.folder}`}.`,
    next: 'Start one with `bascule sandbox start`.',
  });
}
