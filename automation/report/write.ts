import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { JournalRecord } from '../../src/domain/records';
import { renderDeployment } from './render';
import { storyOf, type TestResults } from './story';

/** Where the reports of a project's deployments are kept. */
export function reportFile(projectFolder: string, environment: string, deployment: string): string {
  return path.join(projectFolder, '.bascule', 'reports', `${environment}-${deployment}.html`);
}

/** Writes the report of a deployment; a reader never sees half of it. */
export async function writeReport(
  records: readonly JournalRecord[],
  file: string,
  results?: TestResults,
): Promise<void> {
  const page = renderDeployment(storyOf(records, results));
  await mkdir(path.dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, page);
  await rename(fresh, file);
}
