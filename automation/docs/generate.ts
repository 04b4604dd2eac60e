import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { referenceFile, withReference } from './reference';
import { schemaFile, suiteSchemaText } from './schema';

/**
 * What the files that are made from the configuration's schema should hold, by their path in `project`.
 * README.md is among them only where it is there.
 */
export async function generatedFiles(project: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {
    'schemas/environment.schema.json': schemaFile(),
    'schemas/suite.schema.json': suiteSchemaText(),
    'docs/configuration.md': referenceFile(),
  };
  const readme = await readFile(path.join(project, 'README.md'), 'utf8').catch(() => undefined);
  if (readme !== undefined) files['README.md'] = withReference(readme);
  return formatted(files, project);
}

/** Formatted as everything else, so that the linter has nothing to say about generated files. */
async function formatted(files: Record<string, string>, project: string): Promise<Record<string, string>> {
  const prettier = await import('prettier');
  const entries = Object.entries(files).map(async ([name, content]) => {
    const file = path.join(project, name);
    const style = await prettier.resolveConfig(file);
    return [name, await prettier.format(content, { ...style, filepath: file })] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function main(project: string): Promise<void> {
  for (const [name, content] of Object.entries(await generatedFiles(project))) {
    const file = path.join(project, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
    console.log(`written: ${name}`);
  }
}

if (require.main === module) {
  main(process.cwd()).catch((problem: unknown) => {
    console.error(problem);
    process.exitCode = 1;
  });
}
