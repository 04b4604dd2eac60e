import { existsSync } from 'node:fs';
import path from 'node:path';
import type { EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { Objects } from '../../src/adapters/objects';
import type { PreviewEngine } from '../../src/adapters/preview-engine';
import type { PulumiStackPreviews } from '../../src/adapters/stack-previews';
import type { ServiceOutputs, Stacks } from '../../src/ports';
import { notUp } from '../operations/not-up';
import { policyOf } from '../operations/policy';
import type { PreviewPlace } from '../operations/preview';
import type { Session } from '../operations/session';
import type { EnvironmentOptions } from './options';
import { createReporter } from './output/reporter';
import { PreviewThread } from './preview-thread';
import { guardedPrograms, shownPrograms } from './programs';
import { requireEngine } from './setup';
import { beforeSignalsEnd, stopOnSignals, type Stopping } from './signals';

export interface SessionOptions {
  /** Whether the command changes anything: only then a Ctrl-C has to wait for a safe point. */
  changes: boolean;
}

export interface OpenedEnvironment {
  /** The project's. */
  folder: string;
  config: EnvironmentConfig;
  stacks: Stacks;
  /**
   * What the engine would do to the stacks, as they are when the first of them is looked at. Without an engine for
   * it, the programs run inside this thread.
   */
  previews(engine?: PreviewEngine): Promise<PulumiStackPreviews>;
  progress(text: string): void;
  /** Who is told what stacks were left by earlier updates; standard error until somebody else is named. */
  tellNotes(listener: (text: string) => void): void;
  /** @throws BasculeError BASCULE_BUCKET_MISSING (exit code 2). */
  requireBucket(): Promise<void>;
}

/** The checkout that this is, where no other one is named. */
export const OWN_FOLDER = path.resolve(__dirname, '..', '..', '..');

/** The folder with Pulumi.yaml: as given, or found from here upwards, or the one Bascule stands in. */
export function projectFolder(given: string | undefined): string {
  if (given !== undefined) {
    const folder = path.resolve(given);
    if (existsSync(path.join(folder, 'Pulumi.yaml'))) return folder;
    throw new BasculeError({
      code: 'BASCULE_PROJECT_MISSING',
      message: `${folder} is not a project: it has no Pulumi.yaml.`,
      next: 'Name the folder that holds Pulumi.yaml and Pulumi.<environment>.yaml with --project.',
    });
  }
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'Pulumi.yaml'))) return folder;
    if (folder === path.dirname(folder)) break;
  }
  return OWN_FOLDER;
}

/** How the engine is run in a project's folder. */
export async function stackPlace(folder: string) {
  const engine = await requireEngine();
  process.env['PATH'] = [engine.folder, process.env['PATH'] ?? ''].join(path.delimiter);
  process.env['PULUMI_SKIP_UPDATE_CHECK'] = 'true';
  // Stacks run `command` scripts of this checkout whatever folder the project is in.
  process.env['BASCULE_HOME'] ??= OWN_FOLDER;
  const silence = Number(process.env['BASCULE_STACK_SILENCE_SECONDS']);
  return {
    projectFolder: folder,
    command: { command: 'pulumi', version: engine.version },
    note: progress,
    ...(silence > 0 ? { patience: { silenceSeconds: silence } } : {}),
  };
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** An environment's configuration and stacks, whether it is up or not. */
export async function openEnvironment(argv: EnvironmentOptions): Promise<OpenedEnvironment> {
  const folder = projectFolder(argv.project);
  // A mistake in the file is told at once: Pulumi alone takes longer to load than the file to check.
  const { loadEnvironmentFile } = await import('../../src/adapters/config-file.js');
  const config = await loadEnvironmentFile(folder, argv.environment);
  const entered = enter(argv.environment, config);
  // Awaited below, and then it fails there.
  entered.catch(() => undefined);
  const [{ PulumiStacks }, { createClients }, { regionLook }] = await Promise.all([
    import('../../src/adapters/stacks.js'),
    import('../../src/adapters/aws.js'),
    import('../../src/adapters/live-look.js'),
  ]);
  // The driver looks and refuses by itself before each change, and with reasons of its own.
  const guard = { lookAt: regionLook, refuses: false };
  let note = progress;
  const place = { ...(await stackPlace(folder)), note: (text: string) => note(text) };
  await entered;
  return {
    folder,
    config,
    stacks: new PulumiStacks(place, argv.environment, config, guardedPrograms(guard)),
    previews: async (engine) => {
      const [{ PulumiStackPreviews }, shows] = await Promise.all([
        import('../../src/adapters/stack-previews.js'),
        engine ?? inlinePreviews(),
      ]);
      return new PulumiStackPreviews(place, argv.environment, config, shows);
    },
    progress,
    tellNotes: (listener) => void (note = listener),
    requireBucket: async () => {
      const { HeadBucketCommand } = await import('@aws-sdk/client-s3');
      const { s3 } = createClients(config.regions[0] ?? '');
      await s3.send(new HeadBucketCommand({ Bucket: config.bucket })).catch((thrown: unknown) => {
        throw bucketMissing(config.bucket, config.regions[0] ?? '', thrown);
      });
    },
  };
}

async function inlinePreviews(): Promise<PreviewEngine> {
  const { InlinePreviewEngine } = await import('../../src/adapters/preview-engine.js');
  return new InlinePreviewEngine(shownPrograms);
}

/** With the environment's own access, and only in its own account. */
async function enter(environment: string, config: EnvironmentConfig): Promise<void> {
  const { useAccess } = await import('../../src/adapters/access.js');
  useAccess(config.access, config.regions[0]);
  const { requireAccount } = await import('../../src/adapters/identity.js');
  await requireAccount(environment, config);
}

function bucketMissing(bucket: string, region: string, cause: unknown): unknown {
  if (cause instanceof BasculeError) return cause;
  return new BasculeError({
    code: 'BASCULE_BUCKET_MISSING',
    message: `The bucket ${bucket} cannot be read: it does not exist, or these credentials may not use it.`,
    next: `Make it once: \`aws s3 mb s3://${bucket} --region ${region}\`. It keeps journal, lease and releases, and no command deletes it.`,
    cause,
  });
}

/** Opens an environment that is up, does the work, and leaves no handler behind. */
export async function withSession<T>(
  argv: EnvironmentOptions,
  options: SessionOptions,
  work: (session: Session, opened: OpenedEnvironment) => Promise<T>,
): Promise<T> {
  const opened = await openEnvironment(argv);
  const { config, stacks, folder } = opened;
  const outputs = await stacks.outputs();
  if (outputs === undefined) throw notUp(argv.environment);
  const reporter = await createReporter(process.stderr);
  opened.tellNotes((text) => reporter.say({ kind: 'note', text }));
  const stopping = options.changes ? stopOnSignals(reporter) : undefined;
  try {
    const session = await createSession(
      argv.environment,
      config,
      stacks,
      outputs,
      stopping?.reporter ?? reporter,
      stopping,
    );
    const planPlace = async () => ({ config, previews: await opened.previews() });
    return await work({ folder, tests: testsOf(folder, config), ...session, planPlace }, opened);
  } finally {
    stopping?.close();
  }
}

/** What a preview is gathered from, whether the environment is up or not; none of it is written to. */
export async function openPreview(argv: EnvironmentOptions): Promise<PreviewPlace & { close(): void }> {
  // Before all else: it loads Pulumi while this thread reads the configuration and begins to ask AWS.
  const thread = new PreviewThread();
  const opened = await openEnvironment(argv).catch(async (thrown: unknown) => {
    await thread.stop();
    throw thrown;
  });
  const { config, folder } = opened;
  const [stacks, { AwsImages }] = await Promise.all([
    opened.previews(thread),
    import('../../src/adapters/images.js'),
  ]);
  beforeSignalsEnd(() => stacks.abandon());
  return {
    environment: argv.environment,
    config,
    images: new AwsImages(),
    stacks,
    close: () => thread.close(),
    session: async () => {
      const outputs = await stacks.outputs();
      if (outputs === undefined) return undefined;
      const reporter = await createReporter(process.stderr);
      return {
        folder,
        tests: testsOf(folder, config),
        ...(await createSession(argv.environment, config, opened.stacks, outputs, reporter, undefined)),
      };
    },
  };
}

/** Read when they are needed: a mistake in a suite keeps nobody from rolling back. */
function testsOf(folder: string, { deployment }: EnvironmentConfig): NonNullable<Session['tests']> {
  return async () => {
    const { readTests } = await import('../../src/adapters/suite-files.js');
    return readTests(folder, deployment.tests);
  };
}

/** Who tells people of deployments; loaded only where somebody is to be told. */
async function postOf(environment: string, { notifications }: EnvironmentConfig, objects: Objects) {
  if (notifications.length === 0) return null;
  const [{ channelFor }, { S3Deliveries }, { systemClock }] = await Promise.all([
    import('../../src/adapters/channels.js'),
    import('../../src/adapters/deliveries.js'),
    import('../../src/adapters/clock.js'),
  ]);
  const deliveries = new S3Deliveries(objects, environment, systemClock);
  return { channels: notifications.map(channelFor), deliveries, clock: systemClock };
}

/** What people's consent is asked for with. */
async function consentOf(
  environment: string,
  { access, regions }: EnvironmentConfig,
  objects: Objects,
): Promise<Pick<Session, 'approvals' | 'identity'>> {
  const [{ createClients }, { S3Approvals }, { StsIdentity, withoutRole }] = await Promise.all([
    import('../../src/adapters/aws.js'),
    import('../../src/adapters/approvals.js'),
    import('../../src/adapters/sts-identity.js'),
  ]);
  const home = regions[0] ?? '';
  const identity = new StsIdentity(createClients(home, withoutRole(access)).sts, createClients(home).sts);
  return { approvals: new S3Approvals(objects, environment), identity };
}

async function createSession(
  environment: string,
  config: EnvironmentConfig,
  stacks: Stacks,
  outputs: ServiceOutputs,
  reporter: Session['reporter'],
  stopping: Stopping | undefined,
): Promise<Omit<Session, 'folder'>> {
  const [
    { createClients },
    { Objects },
    { S3Journal },
    { S3Leases },
    { S3EnvironmentLog },
    { S3Requests },
    { AwsPreflight },
    { currentHolder, sightOf },
    { guardedCommands, guardedStacks, guardWrites },
    { createWorld },
  ] = await Promise.all([
    import('../../src/adapters/aws.js'),
    import('../../src/adapters/objects.js'),
    import('../../src/adapters/journal.js'),
    import('../../src/adapters/leases.js'),
    import('../../src/adapters/environment-log.js'),
    import('../../src/adapters/requests.js'),
    import('../../src/adapters/preflight.js'),
    import('../../src/adapters/holder.js'),
    import('../../src/adapters/write-guard.js'),
    import('../../src/adapters/world.js'),
  ]);
  const objects = new Objects(createClients(config.regions[0] ?? '').s3, config.bucket);
  const plain = createWorld(config, outputs, guardedStacks(stacks));
  const world = { ...plain, localCommands: guardedCommands(plain.localCommands) };
  return {
    environment,
    service: config.service,
    regions: config.regions,
    imageOwners: config.fleet.imageOwners,
    policy: policyOf(config),
    promotion: config.promotion ?? null,
    windows: config.windows ?? null,
    world,
    journal: new S3Journal(objects, environment),
    leases: new S3Leases(objects, environment, world.clock),
    requests: new S3Requests(objects, environment),
    ...(await consentOf(environment, config, objects)),
    preflight: config.deployment.preflight ? new AwsPreflight(config, outputs) : null,
    log: new S3EnvironmentLog(objects, environment, world.clock),
    post: await postOf(environment, config, objects),
    holder: currentHolder(),
    sightOf,
    guardWrites,
    reporter,
    stop: stopping?.signal ?? new AbortController().signal,
    // What changes nothing begins nothing that would have to be ended.
    insistence: stopping?.insistence ?? { during: (work) => work(new AbortController().signal) },
  };
}
