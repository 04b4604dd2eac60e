import * as pulumi from '@pulumi/pulumi';
import { describe, expect, it } from 'vitest';
import { parseEnvironment } from '../../src/domain/config';
import { fleetProgram } from '../../stacks/fleet';
import { environment, type Edit } from '../support/config';
import { run, thrownBy, type MockOptions } from '../support/pulumi-mocks';

const PLACE = { environment: 'production', region: 'eu-west-3', colour: 'green' } as const;
const STACK = 'production.eu-west-3.green';
const FLEET = { version: '2.0.0', minimum: 2, maximum: 4, desired: 3 };

interface Image {
  state: string;
  tags?: Record<string, string>;
  stateReason?: Record<string, string>;
}

interface Situation {
  edit?: Edit;
  images?: Image[];
  fleet?: unknown;
  stacks?: MockOptions['stacks'];
}

function serviceOutputs(edit?: Edit): Record<string, unknown> {
  const parsed = parseEnvironment('production', environment(edit));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const region = {
    vpcId: 'vpc-1',
    instanceSubnetIds: ['subnet-1', 'subnet-2'],
    instanceSecurityGroupId: 'sg-instances',
    loadBalancerArn: 'arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/shop-production/1',
    targetGroups: {
      blue: 'arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/shop-production-blue/2',
      green: 'arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/shop-production-green/3',
    },
    instanceProfileName: 'shop-production-instances',
  };
  return { config: parsed.config, regions: { 'eu-west-3': region } };
}

function world(situation: Situation): MockOptions {
  const images = situation.images ?? [
    { state: 'available', tags: { 'bascule:bundle': 's3://acme/r.tar.gz' } },
  ];
  return {
    stack: STACK,
    config: 'fleet' in situation ? {} : { 'bascule:fleet': FLEET },
    stacks: situation.stacks ?? { 'organization/bascule/production': serviceOutputs(situation.edit) },
    calls: {
      'aws:ec2/getAmiIds:getAmiIds': ({ filters }) => {
        const wanted = JSON.stringify(filters).includes('available') ? ['available'] : undefined;
        const found = images.flatMap(({ state }, index) =>
          wanted === undefined || wanted.includes(state) ? [`ami-${index}`] : [],
        );
        return { ids: found };
      },
      'aws:ec2/getAmi:getAmi': ({ filters }) => {
        const [filter] = filters as { values: string[] }[];
        const image = images[Number(filter?.values[0]?.split('-')[1])];
        return { rootDeviceName: '/dev/xvda', tags: {}, stateReason: {}, ...image };
      },
    },
  };
}

const program = () => fleetProgram(PLACE);

async function applied(situation: Situation = {}) {
  const { outputs, ofType } = await run(world(situation), program);
  const [template] = ofType('aws:ec2/launchTemplate:LaunchTemplate');
  const [group] = ofType('aws:autoscaling/group:Group');
  return {
    outputs,
    template: template?.inputs ?? {},
    group: group?.inputs ?? {},
    ignoredOfGroup: group?.ignoreChanges,
    policies: ofType('aws:autoscaling/policy:Policy').map(({ inputs }) => inputs),
  };
}

async function refusal(situation: Situation): Promise<string> {
  const error: unknown = await thrownBy(world(situation), program);
  // Anything else would be shown with a stack trace.
  expect(pulumi.RunError.isInstance(error)).toBe(true);
  return (error as Error).message;
}

describe('a fleet', () => {
  it('launches instances that keep themselves closed', async () => {
    const { template } = await applied();
    expect(template).toMatchObject({
      name: 'shop-production-green',
      imageId: 'ami-0',
      instanceType: 't3.small',
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
      networkInterfaces: [{ associatePublicIpAddress: 'false', securityGroups: ['sg-instances'] }],
      blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: 'true', volumeType: 'gp3' } }],
      iamInstanceProfile: { name: 'shop-production-instances' },
    });
    const specifications = template['tagSpecifications'] as { resourceType: string; tags: object }[];
    expect(specifications.map(({ resourceType }) => resourceType)).toEqual([
      'instance',
      'volume',
      'network-interface',
    ]);
    for (const { tags } of specifications) {
      expect(tags).toEqual({
        service: 'shop',
        environment: 'production',
        colour: 'green',
        version: '2.0.0',
        Name: 'shop-production-green',
      });
    }
  });

  it('is a group in its own target group, with the capacity that was decided', async () => {
    const { group, ignoredOfGroup, outputs } = await applied();
    expect(ignoredOfGroup).toEqual(['desiredCapacity', 'suspendedProcesses']);
    expect(group).toMatchObject({
      name: 'shop-production-green',
      minSize: 2,
      maxSize: 4,
      desiredCapacity: 3,
      vpcZoneIdentifiers: ['subnet-1', 'subnet-2'],
      targetGroupArns: [expect.stringContaining('shop-production-green')],
      healthCheckType: 'ELB',
      healthCheckGracePeriod: 300,
      waitForCapacityTimeout: '0',
      launchTemplate: { id: 'fleet-id', version: '7' },
    });
    expect(group['tags']).toContainEqual({ key: 'version', value: '2.0.0', propagateAtLaunch: true });
    expect(outputs).toEqual({
      autoScalingGroupName: 'shop-production-green',
      launchTemplateId: 'fleet-id',
      imageId: 'ami-0',
      version: '2.0.0',
      colour: 'green',
      region: 'eu-west-3',
    });
  });

  it('takes several instance types in their order, all on demand', async () => {
    const { group } = await applied({
      edit: (input) => (input.fleet['instanceTypes'] = ['m6i.large', 'm5.large']),
    });
    expect(group).not.toHaveProperty('launchTemplate');
    expect(group['mixedInstancesPolicy']).toMatchObject({
      instancesDistribution: {
        onDemandAllocationStrategy: 'prioritized',
        onDemandPercentageAboveBaseCapacity: 100,
      },
      launchTemplate: { overrides: [{ instanceType: 'm6i.large' }, { instanceType: 'm5.large' }] },
    });
  });

  it('scales by requests of its own target group', async () => {
    const { policies } = await applied({
      edit: (input) => (input.fleet['targetTracking'] = { metric: 'requests-per-target', target: 500 }),
    });
    expect(policies).toEqual([
      expect.objectContaining({
        policyType: 'TargetTrackingScaling',
        targetTrackingConfiguration: {
          targetValue: 500,
          predefinedMetricSpecification: {
            predefinedMetricType: 'ALBRequestCountPerTarget',
            resourceLabel: 'app/shop-production/1/targetgroup/shop-production-green/3',
          },
        },
      }),
    ]);
  });

  it('takes the most recent image that is available, past one that is not', async () => {
    const { outputs } = await applied({ images: [{ state: 'failed' }, { state: 'available' }] });
    expect(outputs['imageId']).toBe('ami-1');
  });

  it('says what to do when there is no image', async () => {
    expect(await refusal({ images: [] })).toBe(
      'There is no image of shop 2.0.0 in eu-west-3: none of this account carries the tags service=shop and version=2.0.0.\n' +
        '  Next: bascule bake 2.0.0 --app <folder>',
    );
  });

  it('says in what state the image is when it cannot be launched', async () => {
    expect(await refusal({ images: [{ state: 'pending' }] })).toContain(
      'its state is pending, not available',
    );
    const failed = await refusal({ images: [{ state: 'failed', stateReason: { message: 'disk is full' } }] });
    expect(failed).toContain('its state is failed (disk is full), not available');
    expect(failed).toContain('Next: deregister it');
  });

  it('says which command decides for it when nothing was decided', async () => {
    expect(await refusal({ fleet: undefined })).toContain(
      'Next: bascule deploy production --version <version>',
    );
  });

  it('says that the service comes first', async () => {
    const stacks = { 'organization/bascule/production': {} };
    expect(await refusal({ stacks })).toContain('Next: bascule up production');
  });

  it('refuses user data that EC2 would refuse', async () => {
    const edit: Edit = (input) => {
      input.fleet['userData'] = 'x'.repeat(12000);
      input.fleet['environment'] = { LONG: 'y'.repeat(3000) };
    };
    expect(await refusal({ edit })).toMatch(/has \d+ bytes, EC2 takes 16384/);
  });
});
