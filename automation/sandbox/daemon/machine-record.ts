import * as path from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../lifecycle/files';
import { processIdentitySchema } from '../lifecycle/processes';

/** What a command on an instance is given: the folder and the environment of the instance's release. */
const machineSchema = z.object({ release: z.string(), environment: z.record(z.string(), z.string()) });

export type MachineRecord = z.infer<typeof machineSchema>;

const machineFile = (folder: string): string => path.join(folder, 'machine.json');

/** @param folder the instance's */
export const writeMachine = (folder: string, machine: MachineRecord): Promise<void> =>
  writeJson(machineFile(folder), machine);

/** Undefined until the instance's release was started. */
export const readMachine = (folder: string): Promise<MachineRecord | undefined> =>
  readJson(machineFile(folder), machineSchema);

/** A command's process, for the daemon that comes after a killed one. */
const commandRecordSchema = processIdentitySchema.extend({ startedAt: z.int() });

export type CommandRecord = z.infer<typeof commandRecordSchema>;

const commandFile = (folder: string): string => path.join(folder, 'process.json');

/** @param folder the command's */
export const writeCommandRecord = (folder: string, record: CommandRecord): Promise<void> =>
  writeJson(commandFile(folder), record);

export const readCommandRecord = (folder: string): Promise<CommandRecord | undefined> =>
  readJson(commandFile(folder), commandRecordSchema);
