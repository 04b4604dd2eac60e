import { readdir } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { parseStackName } from '../../../src/domain/config';
import { BasculeError } from '../../../src/domain/errors';
import { approvalsBucketPolicy } from '../../../src/domain/iam/approvals';
import { notesOn } from '../../../src/domain/iam/notes';
import { policyFor, USES, type PolicyRequest, type Use } from '../../../src/domain/iam/policy';
import { environmentScope, imageScope } from '../../../src/domain/iam/scope';
import { statePlaceOf } from '../../../src/domain/iam/state';
import { projectFolder } from '../compose';
import { commonOptions, type CommonOptions } from '../options';
import { printError } from '../output/result';

interface IamOptions extends CommonOptions {
  environment: string | undefined;
  for: Use;
  format: 'json';
  account: string | undefined;
  role: string | undefined;
  'bucket-policy': boolean;
}

export const iamCommand: CommandModule<object, IamOptions> = {
  command: 'iam [environment]',
  describe: 'Print the least IAM policy for a use, limited to the service; asks nothing of AWS',
  builder: (argv) =>
    commonOptions(argv)
      .positional('environment', {
        type: 'string',
        describe:
          'The environment, as in Pulumi.<environment>.yaml (default: the only one; none for bake and prune)',
      })
      .option('for', {
        choices: USES,
        demandOption: true,
        describe:
          'What the credentials are for: preview (reads only), deploy (and rollback, retire, freeze …), approve (and reject), bake, up (and down), prune (of images)',
      })
      .option('format', { choices: ['json'] as const, default: 'json' as const, describe: 'As IAM takes it' })
      .option('account', {
        type: 'string',
        requiresArg: true,
        describe: 'The AWS account, 12 digits (default: `account` of the configuration, or any)',
      })
      .option('role', {
        type: 'string',
        requiresArg: true,
        describe: 'The role of a configured `fleet.instanceProfile` (default: one of the same name)',
      })
      .option('bucket-policy', {
        type: 'boolean',
        default: false,
        describe: 'With --for approve: what the bucket refuses to all but approvers, as S3 takes it',
      })
      .example('bascule iam production --for deploy > deploy-policy.json', 'For the pipeline that deploys')
      .example('bascule iam production --for preview', 'For merge requests: nothing in it writes'),
  handler: async (argv) => {
    try {
      const request = await requestOf(argv);
      if (argv['bucket-policy']) return printBucketPolicy(request);
      const document = policyFor(request);
      for (const note of notesOn(document, request)) process.stderr.write(`note: ${note}\n`);
      // The document alone, whatever --json says: IAM takes nothing beside it.
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    } catch (thrown) {
      printError(thrown, argv.json);
    }
  },
};

function printBucketPolicy(request: PolicyRequest): void {
  if (request.use !== 'approve')
    throw new BasculeError({
      code: 'BASCULE_USAGE',
      message: `--bucket-policy goes with --for approve, not with --for ${request.use}.`,
      next: 'For all other uses the identity policy is the whole of it.',
    });
  const { scope } = request;
  if (scope.approvals.length === 0)
    throw new BasculeError({
      code: 'BASCULE_USAGE',
      message: `${scope.environment} has no \`approvals\`: there is nothing that its bucket would have to refuse.`,
      next: 'Name them in `approvals` of the environment’s file. docs/approvals.md shows how.',
    });
  process.stderr.write(
    `note: Put it on the bucket: \`aws s3api put-bucket-policy --bucket ${scope.bucket} --policy file://<file>\`. Where the bucket has a policy, add these statements to it.\n`,
  );
  process.stdout.write(`${JSON.stringify(approvalsBucketPolicy(scope), null, 2)}\n`);
}

async function requestOf(argv: IamOptions): Promise<PolicyRequest> {
  // Not with the other commands: both load more than most of these need.
  const [{ loadEnvironmentFile, loadImageFile }, { backendOf }] = await Promise.all([
    import('../../../src/adapters/config-file.js'),
    import('../../../src/adapters/stack-reading.js'),
  ]);
  const folder = projectFolder(argv.project);
  const stateOf = async (own: string | undefined) => statePlaceOf(own ?? (await backendOf(folder)));
  const account = accountOf(argv);
  if (argv.for === 'bake' || argv.for === 'prune') {
    const image = await loadImageFile(folder);
    const state = await stateOf(image.access?.backendUrl);
    return { use: argv.for, scope: imageScope(image, { state, ...account }) };
  }
  const environment = argv.environment ?? (await onlyEnvironment(folder));
  const config = await loadEnvironmentFile(folder, environment);
  const state = await stateOf(config.access?.backendUrl);
  const role = argv.role === undefined ? {} : { role: argv.role };
  const goesOn = await isPromotedFrom(folder, environment);
  return {
    use: argv.for,
    scope: environmentScope(environment, config, { state, ...account, ...role, goesOn }),
  };
}

/** Whether another environment takes its releases from this one; what cannot be read says nothing of it. */
async function isPromotedFrom(folder: string, environment: string): Promise<boolean> {
  const { environmentFiles } = await import('../compose-promotion.js');
  const { files } = await environmentFiles(folder);
  return files.some(({ from }) => from === environment);
}

function accountOf({ account }: IamOptions): { account?: string } {
  if (account === undefined) return {};
  if (/^\d{12}$/.test(account)) return { account };
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: `--account is ${account}; it must be the 12 digits of an AWS account.`,
    next: '`aws sts get-caller-identity` shows yours.',
  });
}

/** @throws BasculeError BASCULE_USAGE (exit code 2) where the project has another number of environments. */
async function onlyEnvironment(folder: string): Promise<string> {
  const names = (await readdir(folder)).flatMap((file) => {
    const name = parseStackName(/^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? '');
    return name?.kind === 'service' ? [name.environment] : [];
  });
  const [only, ...more] = names.sort();
  if (only !== undefined && more.length === 0) return only;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message:
      only === undefined
        ? `A policy is for an environment, and ${folder} has no Pulumi.<environment>.yaml.`
        : `A policy is for one environment, and this project has several: ${names.join(', ')}.`,
    next: 'Name it: `bascule iam <environment> --for deploy`.',
  });
}
