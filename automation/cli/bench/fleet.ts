import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PulumiCommand } from '@pulumi/pulumi/automation/cmd';
import { loadEnvironmentFile } from '../../../src/adapters/config-file';
import { InlinePreviewEngine } from '../../../src/adapters/preview-engine';
import { PulumiStackPreviews } from '../../../src/adapters/stack-previews';
import { PulumiStacks } from '../../../src/adapters/stacks';
import type { Colour } from '../../../src/domain/colour';
import { fleetStackName } from '../../../src/domain/config';
import { REHEARSAL } from '../../rehearsal/project';
import { shownPrograms } from '../programs';
import { timed, type Timing } from './measure';

const execute = promisify(execFile);

export interface FleetBench {
  project: string;
  region: string;
  /** The idle colour: it gets instances of other versions here. */
  colour: Colour;
  latency: number;
  say: (line: string) => void;
}

/** What the stack of a fleet takes, by the driver and by plain `pulumi`. */
export async function fleetTimings({ project, region, colour, latency, say }: FleetBench): Promise<Timing[]> {
  const config = await loadEnvironmentFile(project, REHEARSAL);
  const command = await PulumiCommand.get({ skipVersionCheck: true });
  const place = { projectFolder: project, command };
  const stacks = new PulumiStacks(place, REHEARSAL, config, shownPrograms);
  const target = (version: string, desired: number) =>
    ({ region, colour, version, capacity: { minimum: desired, maximum: 4, desired } }) as const;
  const versions = ['4.0.0', '5.0.0'];
  const apply = await timed('apply idle (new version)', latency, 3, async (run) => {
    await stacks.applyFleet(target(versions[run % 2] ?? '4.0.0', 2));
  });
  say('  apply idle measured');
  const last = target('4.0.0', 2);
  const noop = await timed('no-op up of a fleet stack', latency, 3, async () => {
    await stacks.applyFleet(last);
  });
  const preview = await timed('no-op preview of a fleet stack', latency, 3, async () => {
    await new PulumiStackPreviews(place, REHEARSAL, config, new InlinePreviewEngine(shownPrograms)).fleet(
      last,
    );
  });
  const stack = fleetStackName(REHEARSAL, region, colour);
  const plain = await timed('no-op preview, plain `pulumi preview`', latency, 3, async () => {
    await execute('pulumi', ['preview', '--stack', stack, '--non-interactive', '--expect-no-changes'], {
      cwd: project,
    });
  });
  say('  previews measured');
  return [apply, noop, preview, plain];
}
