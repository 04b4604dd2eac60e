import { shapeOfApproval, type Approval, type FoundApproval } from '../domain/approval';
import { BasculeError } from '../domain/errors';
import type { Approvals } from '../ports';
import type { Objects } from './objects';

/** The tag by which the bucket's policy compares who writes an approval with whose it says it is. */
export const APPROVER_TAG = 'approver';

/** Approvals in the environment's bucket: `approvals/<deployment>/<name>/<user id>.json`. */
export class S3Approvals implements Approvals {
  constructor(
    private readonly objects: Objects,
    private readonly environment: string,
  ) {}

  async read(deployment: string, name: string, known: ReadonlySet<string>): Promise<FoundApproval[]> {
    const folder = this.folder(deployment, name);
    const entries = (await this.objects.entries(folder)).filter(({ etag }) => !known.has(etag));
    const found = await Promise.all(
      entries.map(async ({ key }) => {
        const userId = /^([^/]+)\.json$/.exec(key.slice(folder.length))?.[1];
        return userId === undefined ? undefined : this.found(key, userId);
      }),
    );
    return found.flatMap((one) => (one === undefined || known.has(one.object) ? [] : [one]));
  }

  async own(deployment: string, name: string, userId: string): Promise<string | null> {
    return (await this.objects.get(this.key(deployment, name, userId)))?.etag ?? null;
  }

  private async found(key: string, userId: string): Promise<FoundApproval | undefined> {
    const object = await this.objects.get(key);
    if (object === undefined) return undefined;
    const tags = await this.objects.tags(key);
    const { text, etag, modifiedAt } = object;
    return { userId, writer: tags[APPROVER_TAG] ?? null, object: etag, storedAt: modifiedAt, text };
  }

  async write(
    deployment: string,
    name: string,
    approval: Approval,
    over: string | null,
  ): Promise<'written' | 'changed'> {
    const key = this.key(deployment, name, approval.userId);
    const text = JSON.stringify(approval);
    const condition = over === null ? ({ absent: true } as const) : { etag: over };
    const tags = { [APPROVER_TAG]: approval.userId };
    const answer = await this.objects.put(key, text, condition, tags).catch((thrown: unknown) => {
      throw refused(thrown, approval, key);
    });
    if (answer.kind === 'written') return 'written';
    // An answer that was lost after the write took effect is sent again by the SDK and then finds itself.
    const there = await this.objects.get(key);
    return there !== undefined && sameSaying(there.text, approval) ? 'written' : 'changed';
  }

  private folder(deployment: string, name: string): string {
    return `environments/${this.environment}/approvals/${deployment}/${name}/`;
  }

  private key(deployment: string, name: string, userId: string): string {
    return `${this.folder(deployment, name)}${userId}.json`;
  }
}

function sameSaying(text: string, { at, decision }: Approval): boolean {
  const there = shapeOfApproval(text);
  return there.kind === 'whole' && there.value.at === at && there.value.decision === decision;
}

function refused(thrown: unknown, { arn }: Approval, key: string): unknown {
  if (!(thrown instanceof BasculeError) || thrown.code !== 'BASCULE_AWS_DENIED') return thrown;
  return new BasculeError({
    code: 'BASCULE_NOT_APPROVER',
    message: `The bucket lets ${arn} write no approval (${key}).`,
    details: [thrown.message],
    next: 'Approve with the credentials of one of the approvers; `bascule iam <environment> --for approve` prints what they need. Nothing was written.',
    cause: thrown,
  });
}
