import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { BasculeError } from '../../../src/domain/errors';
import { projectFolder } from '../../engine/folders';

/** Where each thing of one sandbox lies; everything is inside `folder`. */
export interface SandboxPaths {
  folder: string;
  /** Marks the folder as a sandbox's and remembers what must outlive a restart, above all the port. */
  settings: string;
  /** Written by the control plane: {pid, port}. */
  controlPlane: string;
  controlPlaneLog: string;
  /** Written by the daemon once it serves: {pid, startedAt, adminPort}. */
  daemon: string;
  daemonLog: string;
  /** What the machine on which Packer makes images is made of; empty where the sandbox has none. */
  buildMachine: BuildMachinePaths;
  buildMachineLog: string;
  /** One folder an instance: process.json and output.log. */
  instances: string;
  /** One folder an unpacked release, named by the SHA-256 of its bundle. */
  releases: string;
  pulumiHome: string;
  /** AWS configuration of its own, so that nothing of the user's ~/.aws takes part. */
  awsConfig: string;
  awsCredentials: string;
  /** The authority behind the sandbox's HTTPS listeners, for clients to trust. */
  authorityCertificate: string;
  /** That authority and those that whoever started the sandbox trusts: Node takes one file only. */
  trustedCertificates: string;
}

export interface BuildMachinePaths {
  folder: string;
  /** What is written to the machine; the control plane copies it to `images/<id>` when an image is made. */
  disk: string;
  /** Home of whoever logs in, so that nothing gets into the user's own. */
  home: string;
  /** Private key of the key pair to log in with; the public one is beside it, `.pub`. */
  key: string;
  hostKey: string;
  authorizedKeys: string;
  config: string;
}

export function sandboxPaths(folder: string): SandboxPaths {
  const at = (...names: string[]) => path.join(folder, ...names);
  return {
    folder,
    settings: at('sandbox.json'),
    controlPlane: at('control-plane.json'),
    controlPlaneLog: at('control-plane.log'),
    daemon: at('daemon.json'),
    daemonLog: at('daemon.log'),
    buildMachine: {
      folder: at('build-machine'),
      disk: at('build-machine', 'disk'),
      home: at('build-machine', 'home'),
      key: at('build-machine', 'key'),
      hostKey: at('build-machine', 'host-key'),
      authorizedKeys: at('build-machine', 'authorized_keys'),
      config: at('build-machine', 'sshd_config'),
    },
    buildMachineLog: at('build-machine.log'),
    instances: at('instances'),
    releases: at('releases'),
    pulumiHome: at('pulumi'),
    awsConfig: at('aws', 'config'),
    awsCredentials: at('aws', 'credentials'),
    authorityCertificate: at('authority', 'certificate.pem'),
    trustedCertificates: at('authority', 'trusted.pem'),
  };
}

export type SandboxPart = 'control-plane' | 'daemon' | 'build-machine';

/** The file in which a part's process is recorded by whoever started it. */
export function processFile(paths: SandboxPaths, part: SandboxPart): string {
  return path.join(paths.folder, `${part}.process.json`);
}

/** The folder of a sandbox when none is named: `.bascule/sandbox` in Bascule's own folder. */
export function defaultSandboxFolder(): string {
  return path.join(projectFolder(), '.bascule', 'sandbox');
}

/** The control plane's program; Python sources stay where they are, so a build leaves them in the tree. */
export function launcherScript(): string {
  return firstThatExists('the control plane', [
    path.resolve(__dirname, '..', 'moto', 'launcher.py'),
    path.join(projectFolder(), 'automation', 'sandbox', 'moto', 'launcher.py'),
  ]);
}

/** The daemon's program as plain JavaScript, beside this file in a build or in dist/ of the source tree. */
export function daemonScript(): string {
  return firstThatExists('the daemon', [
    path.resolve(__dirname, '..', 'daemon', 'main.js'),
    path.join(projectFolder(), 'dist', 'automation', 'sandbox', 'daemon', 'main.js'),
  ]);
}

function firstThatExists(what: string, candidates: string[]): string {
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined) throw notFound(what, candidates);
  return found;
}

function notFound(what: string, candidates: string[]): BasculeError {
  return new BasculeError({
    code: 'BASCULE_SANDBOX_INCOMPLETE',
    message: `The program of ${what} of the sandbox is not where it should be.`,
    next: 'Build Bascule with `npm run build`, then start the sandbox again.',
    details: candidates.map((candidate) => `looked for ${candidate}`),
    blame: 'bascule',
  });
}
