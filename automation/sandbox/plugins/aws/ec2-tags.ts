import type { ResourceType, TagSpecification } from '@aws-sdk/client-ec2';
import { fromTagList, toTagList, type Tags } from '../model/tags';
import type { TagChange } from '../model/schema';
import type { AwsContext } from './context';

/** Changes the tags of anything that EC2 tags by its id. */
export async function retagEc2(id: string, change: TagChange, context: AwsContext): Promise<void> {
  const ec2 = await context.ec2();
  if (change.remove.length > 0) {
    await ec2.deleteTags({ Resources: [id], Tags: change.remove.map((Key) => ({ Key })) });
  }
  if (Object.keys(change.set).length > 0) {
    await ec2.createTags({ Resources: [id], Tags: toTagList(change.set) });
  }
}

/** Tags in the form of EC2's create calls. */
export function tagsAtCreation(kind: ResourceType, tags: Tags): { TagSpecifications?: TagSpecification[] } {
  if (Object.keys(tags).length === 0) return {};
  return { TagSpecifications: [{ ResourceType: kind, Tags: toTagList(tags) }] };
}

export { fromTagList };
