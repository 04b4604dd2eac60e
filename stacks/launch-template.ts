import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import { USER_DATA_LIMIT, userDataOf } from '../src/domain/user-data';
import type { Fleet } from './fleet';
import type { ReleaseImage } from './release';
import { tagsOf } from './settings';

/** The launch template of a fleet: IMDSv2 only, encrypted volumes, no public address. */
export function launchTemplateFor(fleet: Fleet, image: ReleaseImage): aws.ec2.LaunchTemplate {
  const { scope, service, name, region, colour, decided } = fleet;
  const settings = scope.config.fleet;
  const tags = tagsOf(scope, name, { colour, version: decided.version });
  return new aws.ec2.LaunchTemplate(
    'fleet',
    {
      region,
      name,
      description: `${scope.config.service} ${decided.version}`,
      updateDefaultVersion: true,
      imageId: image.id,
      ...(settings.instanceTypes[0] === undefined ? {} : { instanceType: settings.instanceTypes[0] }),
      iamInstanceProfile: { name: service.instanceProfileName },
      metadataOptions: {
        httpEndpoint: 'enabled',
        httpTokens: 'required',
        httpPutResponseHopLimit: settings.metadataHopLimit,
        instanceMetadataTags: 'enabled',
      },
      monitoring: { enabled: settings.detailedMonitoring },
      networkInterfaces: [
        {
          // Said here and not left to the subnet, which may hand out public addresses.
          associatePublicIpAddress: 'false',
          deviceIndex: 0,
          deleteOnTermination: 'true',
          securityGroups: [service.instanceSecurityGroupId],
        },
      ],
      blockDeviceMappings: [{ deviceName: image.rootDeviceName, ebs: rootVolume(fleet) }],
      tagSpecifications: ['instance', 'volume', 'network-interface'].map((resourceType) => ({
        resourceType,
        tags,
      })),
      userData: encodedUserData(fleet, image),
      tags,
    },
    { provider: scope.provider, protect: fleet.protect },
  );
}

function rootVolume({ scope }: Fleet): aws.types.input.ec2.LaunchTemplateBlockDeviceMappingEbs {
  const { sizeGib, kind, kmsKeyId } = scope.config.fleet.rootVolume;
  return {
    encrypted: 'true',
    deleteOnTermination: 'true',
    volumeType: kind,
    ...(sizeGib === undefined ? {} : { volumeSize: sizeGib }),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
  };
}

function encodedUserData(
  { scope, decided, environment, region, colour }: Fleet,
  image: ReleaseImage,
): string {
  const { config } = scope;
  const address = image.tags['bascule:bundle'];
  const sha256 = image.tags['bascule:sha256'];
  const script = config.fleet.userData;
  const text = userDataOf({
    service: config.service,
    environment,
    colour,
    region,
    version: decided.version,
    port: config.targets.port,
    variables: config.fleet.environment,
    ...(script === undefined ? {} : { script }),
    ...(address === undefined ? {} : { bundle: { address, ...(sha256 === undefined ? {} : { sha256 }) } }),
  });
  const size = Buffer.byteLength(text);
  if (size > USER_DATA_LIMIT) {
    throw new pulumi.RunError(
      `The user data of ${config.service} ${environment} has ${size} bytes, EC2 takes ${USER_DATA_LIMIT}.\n` +
        `  Next: shorten fleet.userData or fleet.environment in Pulumi.${environment}.yaml, or move the work into the image.`,
    );
  }
  return Buffer.from(text).toString('base64');
}
