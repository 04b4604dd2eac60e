import { z } from 'zod';
import type { Check } from './check';
import { tags } from './fields';
import type { ConfigProblem } from './problems';

const roleArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
    'must be the ARN of a role: arn:aws:iam::<account>:role/<name>',
  );

const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable');

/** Where a token for `web-identity` comes from; exactly one is given. */
const TOKEN_SOURCES = ['tokenVariable', 'tokenFile', 'githubAudience'] as const;

const webIdentity = z
  .strictObject({
    kind: z.literal('web-identity').describe('A token that a CI system gives its jobs.'),
    roleArn: roleArn.describe('Role that the token is exchanged for.'),
    tokenVariable: variableName
      .optional()
      .describe('Variable that holds the token, as `id_tokens` of GitLab CI sets it.'),
    tokenFile: z
      .string()
      .min(1)
      .optional()
      .describe('File that holds the token; read anew each time, as who rotates it expects.'),
    githubAudience: z
      .string()
      .min(1)
      .optional()
      .describe(
        'In a job of GitHub Actions: the audience (`sts.amazonaws.com`) of a token that GitHub is asked for, anew each time. The job needs `permissions: id-token: write`.',
      ),
  })
  .superRefine((given, context) => {
    if (TOKEN_SOURCES.filter((name) => given[name] !== undefined).length !== 1)
      context.addIssue({
        code: 'custom',
        message: `needs exactly one of ${TOKEN_SOURCES.join(', ')}: where the token comes from`,
      });
  })
  .describe('A token of OpenID Connect, as CI systems give one to each job: no key is kept anywhere.');

const credentials = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('ambient').describe('What the AWS SDK finds by itself.') })
      .describe(
        "What the AWS SDK finds by itself: variables, AWS_PROFILE, a container's or an instance's role.",
      ),
    z
      .strictObject({
        kind: z.literal('profile').describe('A profile of the AWS configuration files.'),
        name: z
          .string()
          .regex(/^[\w+=,.@/:%-]+$/, 'must be the name of a profile')
          .describe('Its name in the files of the AWS command line.'),
      })
      .describe('A profile of the AWS command line, also one of IAM Identity Center (`aws sso login`).'),
    webIdentity,
  ])
  .describe('Where the first credentials come from.');

/** How Bascule gets into the AWS account of an environment: never with a key in a file. */
export const accessSchema = z
  .strictObject({
    credentials: credentials.default({ kind: 'ambient' }),
    roleArn: roleArn
      .optional()
      .describe('Role that is assumed with these credentials, in the account of the environment.'),
    externalId: z
      .string()
      .regex(/^[\w+=,.@:/-]{2,1224}$/, 'must be 2 to 1224 letters, digits and any of +=,.@:/-')
      .optional()
      .describe("External id, where the role's trust policy asks for one."),
    sessionName: z
      .string()
      .regex(/^[\w+=,.@-]{2,64}$/, 'must be 2 to 64 letters, digits and any of +=,.@-')
      .default('bascule')
      .describe('Name of the session, as CloudTrail shows it.'),
    sessionTags: tags
      .refine((all) => Object.keys(all).length <= 50, 'has more than the 50 that AWS allows')
      .default({})
      .describe(
        'Tags of the session of `roleArn`, for policies that ask for `aws:PrincipalTag`. Its trust policy has to allow `sts:TagSession`.',
      ),
    durationSeconds: z
      .int()
      .min(900)
      .max(43_200)
      .default(3600)
      .describe(
        'Seconds that the credentials of a role last; they are renewed before. Not more than the role allows, and not more than 3600 where one role assumes another.',
      ),
    backendUrl: z
      .string()
      .regex(
        /^(s3|gs|azblob|file|https?):\/\/\S+$/,
        "must be the address of Pulumi's backend, such as s3://bucket",
      )
      .optional()
      .describe(
        "Pulumi's backend for the stacks of this environment, such as `s3://state?region=eu-west-3`. Default: PULUMI_BACKEND_URL, the project's, or the one logged in to.",
      ),
  })
  .describe('How Bascule gets into the AWS account of the environment. Keys have no place here.');

/** How Bascule gets into an AWS account, defaults filled in. */
export type Access = z.output<typeof accessSchema>;

/** What the AWS SDK finds by itself. */
export const AMBIENT: Access = accessSchema.parse({});

/** The account of a role. */
export function accountOfRole(arn: string): string {
  return arn.split(':')[4] ?? '';
}

/** The account that the credentials will be of, where the configuration says so. */
export function accountOfAccess({ roleArn, credentials }: Access): string | undefined {
  const last = roleArn ?? (credentials.kind === 'web-identity' ? credentials.roleArn : undefined);
  return last === undefined ? undefined : accountOfRole(last);
}

/** How the credentials come about, in the order in which they are taken. */
export function describeAccess(access: Access | undefined): string {
  const { credentials, roleArn } = access ?? {
    credentials: { kind: 'ambient' as const },
    roleArn: undefined,
  };
  const into = roleArn === undefined ? '' : `, then ${roleArn}`;
  switch (credentials.kind) {
    case 'ambient':
      return `what the AWS SDK finds${into}`;
    case 'profile':
      return `profile ${credentials.name}${into}`;
    case 'web-identity': {
      const { tokenVariable, tokenFile } = credentials;
      const token =
        tokenVariable === undefined ? (tokenFile ?? 'GitHub Actions') : `the variable ${tokenVariable}`;
      return `a token of ${token} for ${credentials.roleArn}${into}`;
    }
  }
}

/** What of the access does not go together; `account` is the environment's. */
export function accessProblems(access: Access | undefined, account: string | undefined): ConfigProblem[] {
  if (access === undefined) return [];
  const problem = (key: string, message: string): ConfigProblem => ({ path: ['access', key], message });
  const { roleArn: role, credentials: first } = access;
  const into = accountOfAccess(access);
  const found: ConfigProblem[] = [];
  if (role === undefined && access.externalId !== undefined)
    found.push(problem('externalId', 'is for assuming a role: give roleArn, or remove it'));
  if (role === undefined && Object.keys(access.sessionTags).length > 0)
    found.push(
      problem('sessionTags', "are for assuming a role: give roleArn; a token's tags are in the token itself"),
    );
  // IAM user guide, "Methods to assume a role": a role assumed by a role lasts one hour at most.
  if (role !== undefined && first.kind === 'web-identity' && access.durationSeconds > 3600)
    found.push(
      problem(
        'durationSeconds',
        'must not be above 3600: a role that is assumed with another role lasts no longer',
      ),
    );
  if (into !== undefined && account !== undefined && into !== account)
    found.push(
      problem(
        role === undefined ? 'credentials' : 'roleArn',
        `is a role of account ${into}, and the environment's account is ${account}`,
      ),
    );
  return found;
}

export const accessChecks: Check[] = [
  { reads: ['access', 'account'], find: ({ access, account }) => accessProblems(access, account) },
];
