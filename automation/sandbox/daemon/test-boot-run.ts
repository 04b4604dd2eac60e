import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { failedVerdict, testBootIn } from '../../../src/domain/test-boot';
import type { InstanceState } from '../contract';
import { signalGroup } from '../lifecycle/processes';
import { instanceEnvironment, type InstancePlace } from './instance-environment';

/** The test that an instance's user data holds of its image, as it stands there, beside the application. */
export class TestBootRun {
  private constructor(private readonly child: ChildProcess) {}

  /** Starts it; undefined where the user data holds none. */
  static async start(
    facts: InstanceState,
    place: InstancePlace,
    outputFile: string,
  ): Promise<TestBootRun | undefined> {
    const text = testBootIn(facts.userData);
    if (text === undefined) return undefined;
    const child = spawn('/bin/sh', ['-c', text], {
      detached: true,
      stdio: 'ignore',
      env: { ...instanceEnvironment(facts, place), BASCULE_CONSOLE: outputFile },
    });
    child.unref();
    await once(child, 'spawn');
    return new TestBootRun(child);
  }

  /** It says on the console why the application will not answer any more. */
  applicationEnded(): void {
    this.signal('SIGTERM');
  }

  /** It says nothing more. */
  forget(): void {
    this.signal('SIGKILL');
  }

  private signal(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.child;
    if (pid !== undefined && exitCode === null && signalCode === null) signalGroup(pid, signal);
  }
}

/** What the test would find out when its time is over, where there is nothing on the image to start. */
export async function tellNeverStarted(
  { userData }: InstanceState,
  outputFile: string,
  why: string,
): Promise<void> {
  if (testBootIn(userData) !== undefined) await appendFile(outputFile, failedVerdict(why));
}
