import { readdir, rm, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { existsSync } from 'node:fs';
import { messageOf } from '../../../src/domain/errors';
import type { InstanceState, InstanceTruth } from '../contract';
import { Instance, type InstanceWorld } from './instance';
import { recordFile } from './instance-record';

const TIDY_MS = 5_000;
/** Output of instances that are gone is kept for a look back, but not for ever. */
const FOLDERS_KEPT = 200;

/** Runs one process for each instance that the control plane holds as pending or running, but the build machine. */
export class Supervisor {
  private readonly instances = new Map<string, Instance>();
  private wanted = new Map<string, InstanceState>();
  private readonly tidying: NodeJS.Timeout;
  private closed = false;

  constructor(private readonly world: InstanceWorld) {
    this.tidying = setInterval(() => void this.tidy(), TIDY_MS);
  }

  /** Starts what is missing and stops what is not wanted any more; does not wait for either. */
  reconcile(states: InstanceState[]): void {
    const alive = states.filter(
      ({ state, buildMachine }) => !buildMachine && (state === 'pending' || state === 'running'),
    );
    this.wanted = new Map(alive.map((state) => [state.id, state]));
    this.bringAbout();
  }

  address(id: string): { host: string; port: number } | undefined {
    return this.instances.get(id)?.address();
  }

  truth(): Record<string, InstanceTruth> {
    return Object.fromEntries([...this.instances].map(([id, instance]) => [id, instance.truth()]));
  }

  /** Ends all instances; nothing is started afterwards. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.tidying);
    await Promise.all([...this.instances.values()].map((instance) => instance.stop()));
  }

  private bringAbout(): void {
    if (this.closed) return;
    for (const [id, instance] of this.instances) if (!this.wanted.has(id)) void this.end(id, instance);
    for (const [id, state] of this.wanted) {
      if (this.instances.has(id)) continue;
      const instance = new Instance(state, this.world);
      this.instances.set(id, instance);
      instance.begin();
    }
  }

  private async end(id: string, instance: Instance): Promise<void> {
    try {
      await instance.stop();
    } catch (problem) {
      this.world.log(`${id}: could not be stopped: ${messageOf(problem)}`);
    }
    // It may have been ended twice; only the first to come here removes it.
    if (this.instances.get(id) !== instance) return;
    this.instances.delete(id);
    this.world.onChange();
    // A machine that was stopped and started again keeps its id, and can only now run anew.
    this.bringAbout();
  }

  private async tidy(): Promise<void> {
    const tidied = [...this.instances].map(([id, instance]) =>
      instance
        .tidy()
        .catch((problem: unknown) => this.world.log(`${id}: output not cut: ${messageOf(problem)}`)),
    );
    await Promise.all(tidied);
  }
}

/** Deletes the oldest folders of instances that are gone. */
export async function forgetOldInstances(folder: string, kept = FOLDERS_KEPT): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const gone = names.map((name) => path.join(folder, name)).filter((file) => !existsSync(recordFile(file)));
  const dated = await Promise.all(gone.map(async (file) => ({ file, at: (await stat(file)).mtimeMs })));
  const oldest = dated.sort((a, b) => b.at - a.at).slice(kept);
  await Promise.all(oldest.map(({ file }) => rm(file, { recursive: true, force: true })));
}
