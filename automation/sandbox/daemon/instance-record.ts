import * as path from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../lifecycle/files';
import { processIdentitySchema } from '../lifecycle/processes';

/** What is kept on disk of an instance's process, for the daemon that comes after a killed one. */
const instanceRecordSchema = processIdentitySchema.extend({
  port: z.int().min(1).max(65535),
  /** Set once the process has ended by itself. */
  exited: z.object({ code: z.int().nullable(), signal: z.string().nullable() }).nullable(),
});

export type InstanceRecord = z.infer<typeof instanceRecordSchema>;

export const recordFile = (folder: string): string => path.join(folder, 'process.json');

export const readRecord = (folder: string): Promise<InstanceRecord | undefined> =>
  readJson(recordFile(folder), instanceRecordSchema);

export const writeRecord = (folder: string, record: InstanceRecord): Promise<void> =>
  writeJson(recordFile(folder), record);
