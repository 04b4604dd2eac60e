import { isFalse, isTrue, objectsIn, UNKNOWN, within, type Rule, type Subject } from './rule';

const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';
const INSTANCE = 'aws:ec2/instance:Instance';
const SPOT_REQUEST = 'aws:ec2/spotInstanceRequest:SpotInstanceRequest';
const CONFIGURATION = 'aws:ec2/launchConfiguration:LaunchConfiguration';
const ADDRESS = 'aws:ec2/eip:Eip';
const ASSOCIATION = 'aws:ec2/eipAssociation:EipAssociation';

const LAUNCHING = [TEMPLATE, INSTANCE, SPOT_REQUEST, CONFIGURATION];

/** Amazon EC2 user guide, "Use the Instance Metadata Service": only tokens, which a forwarded request cannot get. */
export const metadataByToken: Rule = {
  name: 'imdsv2-required',
  description: 'Instances answer requests for their metadata with a token only (IMDSv2).',
  severity: 'high',
  types: LAUNCHING,
  check({ props }) {
    const options = props['metadataOptions'];
    const { httpTokens, httpEndpoint } = within(props, 'metadataOptions');
    const fine = [options, httpTokens].includes(UNKNOWN) || httpTokens === 'required';
    return fine || httpEndpoint === 'disabled'
      ? []
      : ["metadataOptions.httpTokens must be 'required' (IMDSv2)"];
  },
};

/** A subnet may hand out public addresses by itself, so that silence is no answer. */
export const noPublicInstances: Rule = {
  name: 'no-public-instances',
  description: 'Instances have no public address: requests reach them through the load balancer alone.',
  severity: 'critical',
  types: [...LAUNCHING, ADDRESS, ASSOCIATION],
  check(subject) {
    switch (subject.type) {
      case ADDRESS:
      case ASSOCIATION:
        return addressesOf(subject);
      case TEMPLATE:
        return interfacesOf(subject);
      default:
        return isFalse(subject.props['associatePublicIpAddress'])
          ? []
          : ['associatePublicIpAddress must be false, and be said: a subnet may have another default'];
    }
  },
};

/** An address for a NAT gateway is bound to neither. */
function addressesOf({ props }: Subject): string[] {
  return ['instance', 'instanceId', 'networkInterface', 'networkInterfaceId']
    .filter((name) => props[name] !== undefined && props[name] !== null)
    .map((name) => `${name} must not be set: it would give an instance a public address`);
}

function interfacesOf({ props }: Subject): string[] {
  if (props['networkInterfaces'] === UNKNOWN) return [];
  const interfaces = objectsIn(props, 'networkInterfaces');
  if (interfaces.length === 0)
    return ['networkInterfaces must say associatePublicIpAddress: false: a subnet may have another default'];
  return interfaces.flatMap(({ associatePublicIpAddress }, at) =>
    isFalse(associatePublicIpAddress)
      ? []
      : [`networkInterfaces[${at}].associatePublicIpAddress must be false, and be said`],
  );
}

const VOLUME = 'aws:ebs/volume:Volume';

export const encryptedVolumes: Rule = {
  name: 'encrypted-volumes',
  description: 'Volumes of instances are encrypted, whatever the image or the account says.',
  severity: 'high',
  types: [...LAUNCHING, VOLUME],
  check(subject) {
    switch (subject.type) {
      case VOLUME:
        return isTrue(subject.props['encrypted']) ? [] : ['encrypted must be true'];
      case TEMPLATE:
        return devicesOfTemplate(subject);
      default:
        return devicesOfInstance(subject);
    }
  },
};

function devicesOfTemplate({ props }: Subject): string[] {
  if (props['blockDeviceMappings'] === UNKNOWN) return [];
  const devices = objectsIn(props, 'blockDeviceMappings').filter(
    ({ noDevice, virtualName }) => !noDevice && !virtualName,
  );
  if (devices.length === 0)
    return [
      "blockDeviceMappings must name the root volume with ebs.encrypted: the image's may be in the clear",
    ];
  return devices.flatMap((device, at) =>
    isTrue(within(device, 'ebs')['encrypted']) || device['ebs'] === UNKNOWN
      ? []
      : [`blockDeviceMappings[${at}].ebs.encrypted must be true`],
  );
}

function devicesOfInstance({ props }: Subject): string[] {
  const root = props['rootBlockDevice'];
  const fine = root === UNKNOWN || isTrue(within(props, 'rootBlockDevice')['encrypted']);
  const others = objectsIn(props, 'ebsBlockDevices').flatMap(({ encrypted }, at) =>
    isTrue(encrypted) ? [] : [`ebsBlockDevices[${at}].encrypted must be true`],
  );
  return [...(fine ? [] : ['rootBlockDevice.encrypted must be true']), ...others];
}
