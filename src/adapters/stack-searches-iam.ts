import type { AwsClients } from './aws';
import { createIamClient } from './aws';
import { awsErrorName } from './aws-errors';
import type { Found, Inputs } from './stack-search';

interface Named {
  Tags?: { Key: string | undefined; Value: string | undefined }[] | undefined;
}

async function byName(name: string, ask: () => Promise<Named | undefined>): Promise<Found[]> {
  try {
    const facts = await ask();
    if (facts === undefined) return [];
    const pairs = (facts.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const);
    return [{ id: name, tags: Object.fromEntries(pairs) }];
  } catch (thrown) {
    if (/^NoSuchEntity/.test(awsErrorName(thrown))) return [];
    throw thrown;
  }
}

export async function role(inputs: Inputs, { region }: AwsClients): Promise<Found[]> {
  const RoleName = String(inputs['name']);
  const { GetRoleCommand } = await import('@aws-sdk/client-iam');
  const iam = await createIamClient(region);
  return byName(RoleName, async () => (await iam.send(new GetRoleCommand({ RoleName }))).Role);
}

export async function instanceProfile(inputs: Inputs, { region }: AwsClients): Promise<Found[]> {
  const InstanceProfileName = String(inputs['name']);
  const { GetInstanceProfileCommand } = await import('@aws-sdk/client-iam');
  const iam = await createIamClient(region);
  const asked = new GetInstanceProfileCommand({ InstanceProfileName });
  return byName(InstanceProfileName, async () => (await iam.send(asked)).InstanceProfile);
}
