import { access, constants, readdir, readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { BAKING_TAG } from '../../../src/domain/bake-order';
import { quotedForShell } from '../../../src/domain/shell';
import type { InstanceState } from '../contract';
import type { Start } from './start-command';
import { UnusableRelease } from './release-store';
import { parseUnit } from './unit-file';

const UNITS = 'etc/systemd/system';

/**
 * How the service on an image's disk is started, as its systemd unit says. Every path in it is looked for on the
 * disk first: on a real machine that disk is all there is.
 * @throws UnusableRelease saying what the disk lacks.
 */
export async function startFromDisk(facts: InstanceState, disk: string): Promise<Start> {
  const name = await unitName(facts, disk);
  const text = await readFile(path.join(disk, UNITS, name), 'utf8').catch(() => {
    throw new UnusableRelease(
      `the image ${facts.imageId} has no /${UNITS}/${name} that would start its service`,
    );
  });
  const unit = parseUnit(text);
  const [program, ...rest] = unit.execStart;
  if (program === undefined) throw new UnusableRelease(`${name} has no ExecStart`);
  const line = [
    await programOn(disk, program, name),
    ...(await Promise.all(rest.map((word) => onDisk(disk, word)))),
  ];
  return {
    folder: await folderOn(disk, unit.workingDirectory, name),
    command: `exec ${line.map(wordForShell).join(' ')}`,
    environment: unit.environment,
  };
}

/** That of the service, which the image's tags name once it counts as baked; else the only one there is. */
async function unitName({ imageTags, tags }: InstanceState, disk: string): Promise<string> {
  const service = imageTags['service'] ?? tags['service'] ?? imageTags[BAKING_TAG] ?? tags[BAKING_TAG];
  if (service !== undefined) return `${service}.service`;
  const names = await readdir(path.join(disk, UNITS)).catch(() => []);
  const services = names.filter((name) => name.endsWith('.service'));
  const only = services[0];
  if (only !== undefined && services.length === 1) return only;
  throw new UnusableRelease(
    `neither image nor instance has a tag service, and of ${services.length} units in /${UNITS} none is the only one`,
  );
}

async function programOn(disk: string, program: string, unit: string): Promise<string> {
  const file = await onDisk(disk, program);
  const found = await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (found || !file.includes('/')) return file;
  throw new UnusableRelease(
    `ExecStart of ${unit} is ${program}, which cannot be run: it is neither on the image's disk nor on this machine`,
  );
}

async function folderOn(disk: string, folder: string | undefined, unit: string): Promise<string> {
  const wanted = path.join(disk, folder ?? '/');
  if ((await stat(wanted).catch(() => undefined))?.isDirectory() === true) return wanted;
  throw new UnusableRelease(`WorkingDirectory of ${unit} is ${folder}, which is not on the image's disk`);
}

/** An absolute path as it is on the disk, where there is such a thing there; else the word itself. */
async function onDisk(disk: string, word: string): Promise<string> {
  if (!path.isAbsolute(word)) return word;
  const there = path.join(disk, word);
  return stat(there).then(
    () => there,
    () => word,
  );
}

/** Everything is literal but variables, which systemd replaces as a shell does. */
function wordForShell(word: string): string {
  if (/^\$[A-Za-z_]\w*$/.test(word)) return word;
  // Every second part is a variable.
  const parts = word.split(/(\$\{[A-Za-z_]\w*\})/);
  const quoted = parts.map((part, index) => (index % 2 === 1 ? `"${part}"` : part && quotedForShell(part)));
  return quoted.join('') || "''";
}
