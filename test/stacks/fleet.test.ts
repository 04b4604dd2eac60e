import * as pulumi from '@pulumi/pulumi';
import { describe, expect, it } from 'vitest';
import { parseEnvironment } from '../../src/domain/config';
import type { Guard, RegionLook } from '../../src/domain/guard';
import type { Route, Weights } from '../../src/domain/traffic';
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

/** The region as a guard would find it: green is live with three instances, all of them healthy. */
function guardOf(found: Partial<RegionLook> = {}, refuses = true): Guard {
  const limits = { minimum: 2, maximum: 4, desired: 3, suspended: [] };
  const look: RegionLook = {
    routes: async () => [liveOn({ blue: 0, green: 100 })],
    limits: async () => ({ blue: undefined, green: limits }),
    healthy: async () => ({ blue: 0, green: 3 }),
    ...found,
  };
  return { lookAt: () => look, refuses };
}

const liveOn = (weights: Weights): Route => ({
  id: 'listener',
  kind: 'default',
  listener: 'production',
  label: 'default action',
  weights,
});

/** The stack ran 2.0.0 from ami-0, and is now to do as its settings say. */
function guarded(guard: Guard, fleet: Record<string, unknown> = {}, applied: object = {}) {
  const stacks = {
    'organization/bascule/production': serviceOutputs(),
    [`organization/bascule/${STACK}`]: { version: '2.0.0', imageId: 'ami-0', ...applied },
  };
  const options = world({ stacks });
  options.config = { 'bascule:fleet': { ...FLEET, ...fleet } };
  return { options, program: () => fleetProgram(PLACE, guard) };
}

async function refusedBy(guard: Guard, fleet: Record<string, unknown>, applied?: object): Promise<string> {
  const { options, program: guardedProgram } = guarded(guard, fleet, applied);
  const error: unknown = await thrownBy(options, guardedProgram);
  expect(pulumi.RunError.isInstance(error)).toBe(true);
  return (error as Error).message;
}

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

describe('the guard of a fleet', () => {
  it('shows which colour is live, and lets pass what is not felt', async () => {
    const { options, program: guardedProgram } = guarded(guardOf(), { maximum: 9 });
    const { outputs, ofType } = await run(options, guardedProgram);
    expect(outputs).toMatchObject({ live: 'green', version: '2.0.0' });
    for (const type of ['aws:autoscaling/group:Group', 'bascule:index:Protection'])
      expect(ofType(type)).toMatchObject([{ protect: true }]);
  });

  it('refuses another release and less capacity for the live fleet, before it asks for any resource', async () => {
    expect(await refusedBy(guardOf(), { minimum: 0, maximum: 0, desired: 0 })).toContain(
      'BASCULE_FLEET_IS_LIVE',
    );
    expect(await refusedBy(guardOf(), {}, { version: '1.9.0', imageId: 'ami-9' })).toContain(
      'would change version: 1.9.0 → 2.0.0\n  would change image: ami-9 → ami-0',
    );
  });

  it('refuses to empty the only healthy colour, although it is idle', async () => {
    const idle = guardOf({ routes: async () => [liveOn({ blue: 100, green: 0 })] });
    const empty = { minimum: 0, maximum: 0, desired: 0 };
    expect(await refusedBy(idle, empty)).toContain('BASCULE_ONLY_HEALTHY_COLOUR');
  });

  it('takes no answer for a yes', async () => {
    const deaf = guardOf({ limits: () => Promise.reject(new Error('AWS is silent')) });
    const text = await refusedBy(deaf, { maximum: 9 });
    expect(text).toContain('BASCULE_LIVE_UNKNOWN');
    expect(text).toContain('AWS is silent');
  });

  it('does as it is told, and says so', async () => {
    const told = { maximum: 1, minimum: 1, desired: 1, allowLiveChange: '2.0.0' };
    const { options, program: guardedProgram } = guarded(guardOf(), told);
    const { ofType } = await run(options, guardedProgram);
    expect(ofType('aws:autoscaling/group:Group')[0]?.inputs).toMatchObject({ maxSize: 1 });
    expect(ofType('bascule:index:Protection')).toMatchObject([{ protect: false }]);
  });

  it('leaves refusing to the driver where that looks by itself', async () => {
    const deaf = guardOf({ routes: () => Promise.reject(new Error('AWS is silent')) }, false);
    const { options, program: guardedProgram } = guarded(deaf, { minimum: 0, maximum: 0, desired: 0 });
    expect((await run(options, guardedProgram)).outputs).toMatchObject({ live: 'unknown' });
  });
});
