import type { ec2 } from '@pulumi/aws';
import type { RequestLaunchTemplateData } from '@aws-sdk/client-ec2';
import type { Failure } from '../../model/plugin';
import { nameAtCreation } from '../../model/naming';
import { fromTagList } from '../../model/tags';
import { isUnknown } from '../../rpc/values';
import { awsType, type AwsContext, type Plain } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { ifFound } from '../errors';
import { fromAws, toAws, type Spelling } from '../shapes';
import { given } from '../specs';
import { LAUNCH_TEMPLATE_INPUTS, TEMPLATE_FIELDS } from './launch-template-inputs';

type Args = Plain<ec2.LaunchTemplateArgs>;
type State = Plain<ec2.LaunchTemplateState>;

/** EC2 takes this many bytes of user data before base64. */
const USER_DATA_BYTES = 16384;
const DATA = { type: 'object', fields: TEMPLATE_FIELDS } as const;
const VERSIONED = [
  ...(Object.keys(TEMPLATE_FIELDS) as (keyof typeof TEMPLATE_FIELDS)[]),
  'description',
] as const;
const SPELLING: Spelling = {
  names: { securityGroups: 'Groups', vpcSecurityGroupIds: 'SecurityGroupIds' },
  tags: ['tags'],
};

export const launchTemplate = awsType<ec2.LaunchTemplateArgs, ec2.LaunchTemplateState>({
  token: 'aws:ec2/launchTemplate:LaunchTemplate',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 125 },
  inputs: LAUNCH_TEMPLATE_INPUTS,
  outputs: ['arn', 'latestVersion'],
  volatile: (changed, next) => {
    if (!changed(...VERSIONED))
      return changed('defaultVersion', 'updateDefaultVersion') ? ['defaultVersion'] : [];
    return next.updateDefaultVersion ? ['latestVersion', 'defaultVersion'] : ['latestVersion'];
  },
  check: (inputs) => checkUserData(inputs.userData),
  async create(inputs, context) {
    const { LaunchTemplate } = await (
      await context.ec2()
    ).createLaunchTemplate({
      LaunchTemplateName: nameAtCreation(inputs.name, inputs.namePrefix, 125),
      LaunchTemplateData: dataOf(inputs),
      ...given({ VersionDescription: inputs.description }),
      ...tagsAtCreation('launch-template', context.tags),
    });
    return LaunchTemplate?.LaunchTemplateId ?? '';
  },
  read,
  async update(id, update, context) {
    const client = await context.ec2();
    let latest = String(update.state.latestVersion ?? '$Latest');
    if (update.changed(...VERSIONED)) {
      const answer = await client.createLaunchTemplateVersion({
        LaunchTemplateId: id,
        LaunchTemplateData: dataOf(update.new),
        ...given({ VersionDescription: update.new.description }),
      });
      latest = String(answer.LaunchTemplateVersion?.VersionNumber ?? latest);
    }
    const wanted = update.new.updateDefaultVersion ? latest : update.new.defaultVersion;
    if (wanted !== undefined && String(wanted) !== String(update.state.defaultVersion)) {
      await client.modifyLaunchTemplate({ LaunchTemplateId: id, DefaultVersion: String(wanted) });
    }
  },
  retag: retagEc2,
  async delete(id, _state, context) {
    await ifFound((await context.ec2()).deleteLaunchTemplate({ LaunchTemplateId: id }));
  },
});

async function read(id: string, context: AwsContext): Promise<State | undefined> {
  const client = await context.ec2();
  const [found, versions] = await Promise.all([
    ifFound(client.describeLaunchTemplates({ LaunchTemplateIds: [id] })),
    ifFound(client.describeLaunchTemplateVersions({ LaunchTemplateId: id, Versions: ['$Latest'] })),
  ]);
  const facts = found?.LaunchTemplates?.[0];
  const latest = versions?.LaunchTemplateVersions?.[0];
  if (!facts || !latest) return undefined;
  return {
    ...fromAws<State>(DATA, latest.LaunchTemplateData, SPELLING),
    arn: await context.arn('ec2', `launch-template/${id}`),
    name: facts.LaunchTemplateName,
    ...given({ description: latest.VersionDescription || undefined }),
    latestVersion: Number(facts.LatestVersionNumber),
    defaultVersion: Number(facts.DefaultVersionNumber),
    region: context.region,
    tagsAll: fromTagList(facts.Tags),
  };
}

function dataOf(inputs: Args): RequestLaunchTemplateData {
  const data = Object.fromEntries(Object.entries(inputs).filter(([name]) => name in TEMPLATE_FIELDS));
  return toAws<RequestLaunchTemplateData>(DATA, data, SPELLING);
}

function checkUserData(userData: string | undefined): Failure[] {
  if (userData === undefined || isUnknown(userData)) return [];
  const property = 'userData';
  if (!/^[A-Za-z0-9+/]*={0,2}\s*$/.test(userData)) return [{ property, reason: 'must be base64' }];
  const size = Buffer.from(userData, 'base64').length;
  return size > USER_DATA_BYTES
    ? [{ property, reason: `must have at most ${USER_DATA_BYTES} bytes before base64, but has ${size}` }]
    : [];
}
