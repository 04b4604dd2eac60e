import { z } from 'zod';
import { plainName, seconds } from './fields';

/** As long as a deployment may reasonably stand open; no limit of AWS's. */
const THIRTY_DAYS = 30 * 86400;

const PRINCIPAL = /^arn:aws[a-z-]*:iam::(\d{12}|\*):(role|user)\/[\w+=,.@*?/-]+$/;

const principal = z
  .string()
  .regex(
    PRINCIPAL,
    'must be the ARN of a role or user of IAM, for example arn:aws:iam::123456789012:role/approvers; * and ? stand for other characters',
  )
  .refine(
    (arn) => !/\/.*\/\*$/.test(arn),
    'must name the role or user after its path: the identity of a session tells no path',
  );

const approval = z.strictObject({
  name: plainName.max(40).describe('Name of the approval, as people give it to `--step`.'),
  before: z
    .enum(['start', 'shift', 'retire'])
    .default('shift')
    .describe(
      'What waits for it: `start`, everything; `shift`, all that production depends on, once the idle colour is up and tested in every region of the first wave; `retire`, what ends the way back, after every soak. Turned down or without an answer, the first two turn the deployment back, and `retire` halts it with traffic on the new release.',
    ),
  count: z
    .int()
    .min(1)
    .max(10)
    .default(1)
    .describe('How many people have to approve. Sessions of roles count as one where they have one name.'),
  approvers: z
    .array(principal)
    .min(1)
    .max(20)
    .describe(
      'ARNs of the roles and users of IAM that may approve; `*` and `?` are allowed. The store refuses everybody else once the policy of `bascule iam --for approve --bucket-policy` is the bucket’s.',
    ),
  notRequester: z
    .boolean()
    .default(true)
    .describe('Whether who asked for the deployment may not approve it.'),
  expiresAfterSeconds: seconds(1, THIRTY_DAYS)
    .default(86400)
    .describe('Seconds for which an approval holds; one that is older when it is needed does not count.'),
  timeoutSeconds: seconds(1, THIRTY_DAYS)
    .default(86400)
    .describe('Seconds that a deployment waits for its approvals.'),
});

export const approvalsSchema = z
  .array(approval)
  .max(10)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'names the same approval twice')
  .default([])
  .describe(
    'People whose consent a deployment needs, given with `bascule approve`. docs/approvals.md tells how it is enforced.',
  );
