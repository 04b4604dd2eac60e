import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { Person, Requester } from '../domain/approval';
import type { Access } from '../domain/config/access';
import type { Identity } from '../ports';

/** Whose credentials these are, as STS says it; a process that renews them stays who it is. */
export class StsIdentity implements Identity {
  /** `first` has the credentials that a person comes with, `worker` those that the work is done with. */
  constructor(
    private readonly first: STSClient,
    private readonly worker: STSClient = first,
  ) {}

  async current(): Promise<Requester> {
    const [person, as] = await Promise.all([identityOf(this.first), identityOf(this.worker)]);
    return as.userId === person.userId ? person : { ...person, as };
  }
}

async function identityOf(sts: STSClient): Promise<Person> {
  const { Arn = '', UserId = '', Account = '' } = await sts.send(new GetCallerIdentityCommand({}));
  return { arn: Arn, userId: UserId, account: Account };
}

/** An access up to the role that everybody takes with it: its session tells nothing of who asks. */
export function withoutRole(access: Access | undefined): Access | undefined {
  if (access?.roleArn === undefined) return access;
  const { roleArn: _, externalId: __, ...first } = access;
  return first;
}
