/** ci-templates/ against the command line; their schemas are checked by the lint part of `npm test`. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import yargs, { type CommandModule } from 'yargs';

const PROJECT = path.resolve(__dirname, '../..');
const TEMPLATES = path.join(PROJECT, 'ci-templates');
const COMMANDS = path.join(PROJECT, 'automation/cli/commands');

const GITLAB = 'gitlab-ci.yml';
const WORKFLOWS = ['preview', 'deploy', 'rollback'].map((name) => `github/workflows/${name}.yml`);
const ALL = [GITLAB, ...WORKFLOWS, 'github/actions/bascule/action.yml'];

type Yaml = Record<string, unknown>;
type Job = Yaml & {
  extends?: string;
  script?: string[];
  environment?: unknown;
  concurrency?: { 'cancel-in-progress': unknown };
  interruptible?: boolean;
  resource_group?: string;
  rules?: { if: string; when?: string }[];
};

const read = async (name: string): Promise<Yaml> =>
  parse(await readFile(path.join(TEMPLATES, name), 'utf8')) as Yaml;

/** Whatever a shell is given, wherever it stands. */
function scripts(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const lines = [inner].flat().filter((line): line is string => typeof line === 'string');
    const isScript = ['run', 'script', 'before_script', 'after_script'].includes(key);
    return isScript && lines.length > 0 ? lines : scripts(inner);
  });
}

const linesOf = async (name: string): Promise<string[]> =>
  scripts(await read(name)).flatMap((script) => script.split('\n'));

/** The words of each `bascule …` or `npm …` in a line of a shell, up to where the command ends. */
function calls(line: string, program: string): string[][] {
  const found = line.matchAll(new RegExp(`(?:^|[\\s;|(])${program} ([^|;&>)#]*)`, 'g'));
  return [...found].map(([, rest = '']) =>
    rest
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/^"(.*)"$/, '$1')),
  );
}

const modules: CommandModule<object, object>[] = [];

beforeAll(async () => {
  for (const file of (await readdir(COMMANDS)).filter((name) => name.endsWith('.ts'))) {
    const exported = (await import(path.join(COMMANDS, file))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exported))
      if (name.endsWith('Command')) modules.push(value as CommandModule<object, object>);
  }
});

/** What the command line says against these words; nothing is run. */
async function complaintOf(words: string[]): Promise<string | undefined> {
  const parser = yargs([]).version(false).exitProcess(false).strict().demandCommand(1);
  for (const command of modules) parser.command({ ...command, handler: () => undefined });
  try {
    await parser
      .fail((message, error) => {
        throw error ?? new Error(message);
      })
      .parseAsync(words);
    return undefined;
  } catch (thrown) {
    return String(thrown);
  }
}

describe('the templates', () => {
  it('are all looked at here', async () => {
    const entries = await readdir(TEMPLATES, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(TEMPLATES, path.join(entry.parentPath, entry.name)));
    expect(files.sort()).toEqual([...ALL].sort());
  });

  it.each(ALL)('%s calls Bascule as it can be called', async (name) => {
    const found = (await linesOf(name)).flatMap((line) => calls(line, 'bascule'));
    if (!name.includes('actions/')) expect(found.length).toBeGreaterThan(0);
    for (const words of found) expect(await complaintOf(words), words.join(' ')).toBeUndefined();
  });

  it('would be told of a command or an option that does not exist', async () => {
    expect(await complaintOf(['deploy', 'production', '--plam', 'plan.json'])).toContain('plam');
    expect(await complaintOf(['deplay', 'production'])).toBeDefined();
    expect(await complaintOf(['preview', 'production', '--version', '1', '--format', 'html'])).toContain(
      'format',
    );
  });

  it.each(ALL)('%s runs only scripts that the package has', async (name) => {
    const { scripts: own } = JSON.parse(await readFile(path.join(PROJECT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const found = (await linesOf(name)).flatMap((line) => calls(line, 'npm'));
    for (const [what, script = ''] of found)
      expect(what === 'ci' || (what === 'run' && script in own), `npm ${what} ${script}`).toBe(true);
  });

  it.each([
    ['GitLab', [GITLAB]],
    ['GitHub', WORKFLOWS],
  ])('of %s bake, preview with a comment, deploy, promote a plan and roll back', async (_name, files) => {
    const found = (await Promise.all(files.map(linesOf))).flat().flatMap((line) => calls(line, 'bascule'));
    const asked = found.map((words) =>
      [words[0], ...words.filter((word) => word.startsWith('--'))].join(' '),
    );
    for (const call of [
      'bake --app',
      'preview --version --format',
      'comment',
      'deploy --version',
      'promote --to --image-only',
      'promote --to --plan',
      'rollback',
      'abort',
      'resume',
    ])
      expect(asked, call).toContain(call);
  });

  it.each(ALL)('%s has no keys of AWS, only roles', async (name) => {
    const text = await readFile(path.join(TEMPLATES, name), 'utf8');
    expect(text).not.toMatch(/access.key|\bsecrets\.|aws_secret/i);
  });
});

describe('ci-templates/gitlab-ci.yml', () => {
  let jobs: Record<string, Job>;

  beforeAll(async () => {
    jobs = (await read(GITLAB)) as Record<string, Job>;
  });

  /** With what it extends, as GitLab merges them. */
  function job(name: string): Job {
    const own = jobs[name];
    if (own === undefined) throw new Error(`no job ${name}`);
    return own.extends === undefined ? own : { ...job(own.extends), ...own };
  }

  const names = (): string[] => Object.keys(jobs).filter((name) => jobs[name]?.script !== undefined);
  const changing = (): string[] =>
    names().filter((name) =>
      /bascule (bake|deploy|promote|rollback|resume|abort)/.test(String(jobs[name]?.script)),
    );

  it('never stops or overtakes what changes something', () => {
    expect(changing()).toHaveLength(6);
    for (const name of changing()) {
      expect(job(name).interruptible, name).toBe(false);
      expect(job(name).resource_group, name).toBeTruthy();
    }
    expect(job('preview').interruptible).toBe(true);
    // An abort ends what runs in the group of its environment.
    expect(job('abort').resource_group).not.toBe(job('rollback').resource_group);
  });

  it('changes production by hand only, and comments on merge requests only', () => {
    for (const name of ['promote-production', 'rollback', 'resume', 'abort'])
      expect(
        job(name).rules?.every(({ when }) => when === 'manual'),
        name,
      ).toBe(true);
    expect(job('preview').rules).toEqual([{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"' }]);
    for (const name of names().filter((one) => one !== 'preview' && one !== 'bake'))
      expect(
        job(name).rules?.every((rule) => rule.if.includes('$CI_DEFAULT_BRANCH')),
        name,
      ).toBe(true);
  });

  it('gets credentials by OIDC in every job', () => {
    for (const name of names()) expect(job(name)['id_tokens'], name).toHaveProperty('AWS_ID_TOKEN');
  });
});

describe('ci-templates/github', () => {
  const jobsOf = async (name: string): Promise<[string, Job][]> =>
    Object.entries((await read(name))['jobs'] as Record<string, Job>);

  it.each(WORKFLOWS)('%s may ask for a token of OIDC and write nothing by default', async (name) => {
    expect((await read(name))['permissions']).toEqual({ contents: 'read', 'id-token': 'write' });
  });

  it('never stops what changes something', async () => {
    const all = (await Promise.all(WORKFLOWS.map(jobsOf))).flat();
    const changing = all.filter(([, job]) =>
      scripts(job).some((script) => /bascule (bake|deploy|promote|rollback|resume|abort)/.test(script)),
    );
    expect(changing.map(([name]) => name)).toEqual(['bake', 'bake', 'staging', 'production', 'run']);
    for (const [name, job] of changing) expect(job.concurrency?.['cancel-in-progress'], name).toBe(false);
  });

  it('leaves the protection of an environment to the jobs that change it', async () => {
    const [deploy = [], rollback = []] = await Promise.all(WORKFLOWS.slice(1).map(jobsOf));
    const environments = [...deploy, ...rollback].map(([name, job]) => [name, job.environment]);
    expect(environments).toEqual([
      ['bake', undefined],
      ['staging', 'staging'],
      ['plan', undefined],
      ['production', 'production'],
      ['run', '${{ inputs.environment }}'],
    ]);
  });
});
