/** Makes images on the sandbox's build machine as Packer does, with ssh and scp. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  CreateImageCommand,
  DescribeImagesCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { sandboxEnv } from '../../automation/sandbox';
import type { LiveSandbox } from './live-sandbox';
import { must } from './until';

const run = promisify(execFile);

export class BuildMachine {
  constructor(private readonly sandbox: LiveSandbox) {}

  /** An instance of the base image, which is that machine. */
  async launch(keyName = this.variable('ssh_keypair_name')): Promise<string> {
    const ec2 = this.sandbox.ec2();
    const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ['amazon'] }));
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        ImageId: must(Images?.[0]?.ImageId),
        InstanceType: 't3.small',
        KeyName: keyName,
        MinCount: 1,
        MaxCount: 1,
      }),
    );
    return must(Instances?.[0]?.InstanceId);
  }

  async ssh(command: string, keyFile = this.variable('ssh_private_key_file')): Promise<string> {
    const { stdout } = await run('ssh', [...this.options(keyFile, '-p'), this.login(), command]);
    return stdout;
  }

  async copy(folder: string, to: string): Promise<void> {
    const options = this.options(this.variable('ssh_private_key_file'), '-P');
    await run('scp', ['-r', ...options, `${folder}/.`, `${this.login()}:${to}`]);
  }

  /** Installs one of test/support/apps as a playbook would, and makes an image of it. */
  async bake(app: string, name: string): Promise<string> {
    const instance = await this.launch();
    const root = this.variable('root');
    const files = await mkdtemp(path.join(this.sandbox.folder, 'files-'));
    await mkdir(path.join(files, 'etc/systemd/system'), { recursive: true });
    await mkdir(path.join(files, 'opt', app), { recursive: true });
    await writeFile(
      path.join(files, `etc/systemd/system/${app}.service`),
      `[Service]\nExecStart=/opt/${app}/start\nWorkingDirectory=/opt/${app}/1.0.0\nEnvironment=FROM=unit\nEnvironmentFile=/etc/bascule/environment\n`,
    );
    const program = `#!/bin/sh\ncd "$(dirname "$0")/1.0.0"\nexec node server.js\n`;
    await writeFile(path.join(files, 'opt', app, 'start'), program, { mode: 0o755 });
    await this.copy(files, root);
    await this.copy(path.join(__dirname, 'apps', app), `${root}/opt/${app}/1.0.0`);
    const { ImageId } = await this.sandbox
      .ec2()
      .send(new CreateImageCommand({ InstanceId: instance, Name: name }));
    await this.end(instance);
    await rm(files, { recursive: true });
    return must(ImageId);
  }

  async end(instance: string): Promise<void> {
    await this.sandbox.ec2().send(new TerminateInstancesCommand({ InstanceIds: [instance] }));
  }

  variable(name: string): string {
    return must(sandboxEnv(this.sandbox.info)[`PKR_VAR_${name}`], name);
  }

  private login(): string {
    return `${this.variable('ssh_username')}@${this.variable('ssh_host')}`;
  }

  private options(keyFile: string, port: string): string[] {
    const settings = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'IdentitiesOnly=yes',
      'BatchMode=yes',
      'LogLevel=ERROR',
    ];
    return [
      '-F',
      'none',
      port,
      this.variable('ssh_port'),
      '-i',
      keyFile,
      ...settings.flatMap((one) => ['-o', one]),
    ];
  }
}
