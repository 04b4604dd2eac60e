import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { tagTemporary } from '../../src/adapters/bake-leftovers';
import { systemClock } from '../../src/adapters/clock';
import { bakingTags, imageName, type Baking } from '../../src/domain/bake-order';
import { bakeFailed } from '../../src/domain/bake-progress';
import { messageOf } from '../../src/domain/errors';
import { advance, failureOf, PACKER_BEGINS, type PackerNews } from '../../src/domain/packer-course';
import { imageInArtifact, parsePackerLine } from '../../src/domain/packer-output';
import { eachLine } from './each-line';
import type { HomeImage } from './flow';
import { endGroup } from './process-group';
import type { Tell } from './tell';

/** A run of Packer, and who has to know of it. */
export interface PackerRun {
  baking: Baking;
  template: string;
  playbook: string;
  tell: Tell;
  /** Told the process group, so that it can be ended should this process be killed. */
  onGroup(group: number): void;
  signal: AbortSignal;
}

/**
 * Builds the image with Packer. Ends only once Packer has ended, and removed its instance by itself.
 * @throws BasculeError BASCULE_BAKE_FAILED with the failing task.
 */
export async function buildWithPacker(run: PackerRun): Promise<HomeImage> {
  const { baking, template, signal } = run;
  const region = baking.regions[0] ?? '';
  // Beside the bundle, in the project's own folder: the log is for who looks for the cause.
  const folder = path.join(path.dirname(baking.bundleFile), 'packer');
  await mkdir(folder, { recursive: true });
  const variables = await writeVariables(run, folder);
  const log = path.join(folder, `${baking.service}-${baking.version}.log`);
  const args = ['build', '-machine-readable', '-color=false', '-on-error=cleanup'];
  // Into a file: one that writes to a pipe dies of its next line once nobody reads it, and clears nothing up.
  const output = await open(log, 'w');
  const child = spawn('packer', [...args, `-var-file=${variables}`, template], {
    cwd: path.dirname(template),
    env: packerEnvironment(folder),
    stdio: ['ignore', output.fd, output.fd],
    // A group of its own, so that all it starts can be ended with it.
    detached: true,
  });
  // Before anything is waited for: it may end at once.
  const ended = endingOf(child);
  const group = child.pid ?? 0;
  if (group > 0) run.onGroup(group);
  await output.close();
  const stop = (): void => void endGroup(group);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const { course, ending } = await follow(ended, run, log);
    const imageId = imageInArtifact(course.artifact ?? '', region);
    if (ending === '' && imageId !== undefined) return { region, imageId };
    const { why, details } = failureOf(course);
    const how = ending === '' ? 'it names no image' : ending;
    throw bakeFailed(`${baking.service} ${baking.version}`, why, [
      ...details,
      `Packer: ${how}`,
      `log: ${log}`,
    ]);
  } finally {
    signal.removeEventListener('abort', stop);
    // Of one that was killed, what it had started may live.
    await endGroup(group, 0);
  }
}

/** How it ended; empty where it succeeded. */
function endingOf(child: ChildProcess): Promise<string> {
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve(code === 0 ? '' : signal === null ? `exit code ${code}` : `ended by ${signal}`),
    );
  });
  // Awaited later, and then it fails there.
  ended.catch(() => undefined);
  return ended;
}

/** Reads its output to the end. */
async function follow(ended: Promise<string>, run: PackerRun, log: string) {
  const over = new AbortController();
  const ending = ended.finally(() => over.abort());
  let course = PACKER_BEGINS;
  const tagging: Promise<void>[] = [];
  const reading = eachLine(log, over.signal, (line) => {
    const next = advance(course, parsePackerLine(line));
    course = next.course;
    for (const news of next.news) tagging.push(told(run, news, over.signal));
  });
  const [how] = await Promise.all([ending, reading]);
  await Promise.all(tagging);
  return { course, ending: how };
}

async function told({ tell, baking }: PackerRun, news: PackerNews, over: AbortSignal): Promise<void> {
  if (news.kind !== 'made') return tell(news);
  const place = { region: baking.regions[0] ?? '', clock: systemClock, signal: over };
  await tagTemporary(place, news.what, news.name, bakingTags(baking)).catch((thrown: unknown) =>
    tell({ kind: 'note', text: `${news.name} could not be tagged: ${messageOf(thrown)}` }),
  );
}

async function writeVariables({ baking, playbook }: PackerRun, folder: string): Promise<string> {
  const { packer, regions } = baking;
  const region = regions[0] ?? '';
  const ansible = path.join(folder, 'ansible.json');
  const variables = path.join(folder, 'variables.pkrvars.json');
  const told = {
    region,
    endpoint: process.env['AWS_ENDPOINT_URL_EC2'] ?? process.env['AWS_ENDPOINT_URL'] ?? '',
    service: baking.service,
    version: baking.version,
    image_name: imageName(baking),
    // The very image that was looked up, and that the tags will name.
    base_image_name: baking.base.name,
    base_image_owner: baking.baseImage.owner,
    instance_type: packer.instanceType,
    subnet_id: packer.subnet ?? '',
    encrypted: baking.encrypted,
    kms_key_id: baking.kmsKeys[region] ?? '',
    // Those by which it counts come last of all, when everything else is done.
    image_tags: { ...baking.tags, Name: imageName(baking) },
    baking_tags: bakingTags(baking),
    release_archive: baking.bundleFile,
    playbook,
    ansible_variables_file: ansible,
  };
  await writeFile(ansible, JSON.stringify(ansibleVariables(baking), null, 2), { mode: 0o600 });
  const all = { ...packer.variables, ...told };
  await writeFile(variables, JSON.stringify(all, null, 2), { mode: 0o600 });
  return variables;
}

function ansibleVariables(baking: Baking): Record<string, unknown> {
  const { application } = baking;
  return {
    ...baking.packer.ansibleVariables,
    bascule_service: baking.service,
    bascule_version: baking.version,
    bascule_port: baking.port,
    bascule_application: application.kind,
    bascule_container_image: application.kind === 'container' ? application.image : '',
    bascule_log_group: baking.logGroup ?? '',
    bascule_release_archive: baking.bundleFile,
  };
}

function packerEnvironment(folder: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PACKER_NO_COLOR: '1',
    CHECKPOINT_DISABLE: '1',
    PACKER_CACHE_DIR: path.join(folder, 'cache'),
    ANSIBLE_NOCOLOR: '1',
    ANSIBLE_STDOUT_CALLBACK: 'default',
  };
  // Packer writes its log to stderr with it, and would drown what it has to say.
  delete env['PACKER_LOG'];
  delete env['BASCULE_BAKE'];
  return env;
}
