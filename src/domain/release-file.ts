import { parseDocument } from 'yaml';
import { z } from 'zod';
import { pathText, problemsOf } from './config/problems';
import { schemaRange, type SchemaRange } from './schema-range';

/** What a release says of itself: `bascule.yaml` in the folder of the application. */
export const RELEASE_FILE = 'bascule.yaml';

export interface ReleaseFile {
  /** The versions of the database's schema that the release works with; absent where it declares none. */
  schema?: SchemaRange | undefined;
}

export type ParsedReleaseFile =
  | { ok: true; release: ReleaseFile }
  /** Each problem names its key, what was found and what would be right. */
  | { ok: false; problems: string[] };

const releaseSchema = z.strictObject({ schema: schemaRange.optional() });

/** Reads the text of a release file; an empty one declares nothing, as one that is not there does. */
export function parseReleaseFile(text: string): ParsedReleaseFile {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0)
    return { ok: false, problems: document.errors.map(({ message }) => message.split('\n')[0] ?? message) };
  const raw: unknown = document.toJS() ?? {};
  const parsed = releaseSchema.safeParse(raw);
  if (parsed.success) return { ok: true, release: parsed.data };
  const problems = problemsOf(parsed.error.issues, raw).map(({ path, message }) =>
    path.length === 0 ? message : `${pathText(path)}: ${message}`,
  );
  return { ok: false, problems: problems.map((problem) => `${problem}${hint(problem)}`) };
}

/** Allowed is little enough to be told with each unknown key. */
function hint(problem: string): string {
  return problem.endsWith('unknown key') ? '; known is schema: { from, to }' : '';
}
