/** Programs for the plugins' tests, of the same resource types as Bascule's own stacks. */
import * as aws from '@pulumi/aws';

export interface ServiceOptions {
  weights: [number, number];
  idleTimeout?: number;
  healthInterval?: number;
  targetPort?: number;
  tags?: Record<string, string>;
  ignoreActions?: boolean;
}

/** A network, a load balancer with two listeners and a rule, two target groups and an alarm. */
export function service(options: ServiceOptions) {
  const tags = { owner: 'team', ...options.tags };
  const vpc = new aws.ec2.Vpc('net', { cidrBlock: '10.1.0.0/16', enableDnsHostnames: true, tags });
  const zones = aws.getAvailabilityZonesOutput({ state: 'available' });
  const subnets = [0, 1].map(
    (at) =>
      new aws.ec2.Subnet(`subnet-${at}`, {
        vpcId: vpc.id,
        cidrBlock: `10.1.${at}.0/24`,
        availabilityZone: zones.names.apply((names) => names[at] ?? ''),
        mapPublicIpOnLaunch: true,
      }),
  );
  const group = new aws.ec2.SecurityGroup('web', { vpcId: vpc.id, description: 'the load balancer', tags });
  const rule = new aws.vpc.SecurityGroupIngressRule('clients', {
    securityGroupId: group.id,
    ipProtocol: 'tcp',
    fromPort: 80,
    toPort: 80,
    cidrIpv4: '0.0.0.0/0',
    tags,
  });
  const balancer = new aws.lb.LoadBalancer('web', {
    name: 'shop-test',
    loadBalancerType: 'application',
    internal: false,
    subnets: subnets.map((subnet) => subnet.id),
    securityGroups: [group.id],
    idleTimeout: options.idleTimeout ?? 60,
    tags,
  });
  const groups = ['blue', 'green'].map(
    (colour) =>
      new aws.lb.TargetGroup(colour, {
        name: `shop-test-${colour}`,
        port: options.targetPort ?? 8080,
        protocol: 'HTTP',
        vpcId: vpc.id,
        deregistrationDelay: 5,
        healthCheck: { path: '/health', interval: options.healthInterval ?? 10, timeout: 5, matcher: '200' },
        stickiness: { type: 'lb_cookie', enabled: false },
        tags,
      }),
  );
  const forward = {
    type: 'forward',
    forward: {
      targetGroups: groups.map((target, at) => ({ arn: target.arn, weight: options.weights[at] ?? 0 })),
      stickiness: { enabled: false, duration: 3600 },
    },
  };
  const ignoring = options.ignoreActions === true;
  const listener = new aws.lb.Listener(
    'production',
    { loadBalancerArn: balancer.arn, port: 18181, protocol: 'HTTP', defaultActions: [forward], tags },
    { ignoreChanges: ignoring ? ['defaultActions'] : [] },
  );
  const paths = new aws.lb.ListenerRule(
    'api',
    {
      listenerArn: listener.arn,
      priority: 10,
      actions: [forward],
      conditions: [{ pathPattern: { values: ['/api/*'] } }, { hostHeader: { values: ['shop.example'] } }],
      tags,
    },
    { ignoreChanges: ignoring ? ['actions'] : [] },
  );
  const redirect = new aws.lb.Listener('redirect', {
    loadBalancerArn: balancer.arn,
    port: 18182,
    protocol: 'HTTP',
    defaultActions: [
      { type: 'redirect', redirect: { protocol: 'HTTPS', port: '443', statusCode: 'HTTP_301' } },
    ],
  });
  const alarm = new aws.cloudwatch.MetricAlarm('errors', {
    name: 'shop-test-errors',
    comparisonOperator: 'GreaterThanThreshold',
    evaluationPeriods: 2,
    threshold: 5,
    metricQueries: [
      { id: 'percent', expression: '100 * errors / requests', label: '5xx %', returnData: true },
      {
        id: 'errors',
        metric: {
          namespace: 'AWS/ApplicationELB',
          metricName: 'HTTPCode_Target_5XX_Count',
          stat: 'Sum',
          period: 60,
          dimensions: { LoadBalancer: balancer.arnSuffix },
        },
      },
      {
        id: 'requests',
        metric: { namespace: 'AWS/ApplicationELB', metricName: 'RequestCount', stat: 'Sum', period: 60 },
      },
    ],
    tags,
  });
  return { vpc, subnets, group, rule, balancer, groups, listener, paths, redirect, alarm };
}

export interface FleetOptions {
  version: string;
  image: string;
  subnets: string[];
  targetGroup?: string;
  desired?: number;
  maximum?: number;
  instanceTypes?: string[];
}

/** A launch template and an Auto Scaling group, with role and profile. */
export function fleet(options: FleetOptions) {
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } };
  const role = new aws.iam.Role('instances', {
    assumeRolePolicy: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    tags: { owner: 'team' },
  });
  const reading = new aws.iam.RolePolicy('reading', {
    role: role.name,
    policy: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
    },
  });
  const managed = new aws.iam.RolePolicyAttachment('managed', {
    role: role.name,
    policyArn: 'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore',
  });
  const profile = new aws.iam.InstanceProfile('instances', { role: role.name });
  const template = new aws.ec2.LaunchTemplate('fleet', {
    name: 'shop-test-blue',
    description: `shop ${options.version}`,
    updateDefaultVersion: true,
    imageId: options.image,
    instanceType: 't3.small',
    iamInstanceProfile: { name: profile.name },
    metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1 },
    monitoring: { enabled: true },
    networkInterfaces: [{ associatePublicIpAddress: 'false', deviceIndex: 0, deleteOnTermination: 'true' }],
    blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: 'true', volumeType: 'gp3' } }],
    tagSpecifications: [{ resourceType: 'instance', tags: { version: options.version } }],
    userData: Buffer.from(`#!/bin/sh\necho ${options.version}\n`).toString('base64'),
    tags: { version: options.version },
  });
  const version = template.latestVersion.apply(String);
  const group = new aws.autoscaling.Group(
    'fleet',
    {
      name: 'shop-test-blue',
      minSize: 1,
      maxSize: options.maximum ?? 3,
      desiredCapacity: options.desired ?? 2,
      vpcZoneIdentifiers: options.subnets,
      targetGroupArns: options.targetGroup === undefined ? [] : [options.targetGroup],
      healthCheckType: 'ELB',
      healthCheckGracePeriod: 30,
      waitForCapacityTimeout: '0',
      enabledMetrics: ['GroupInServiceInstances'],
      ...(options.instanceTypes === undefined
        ? { launchTemplate: { id: template.id, version } }
        : {
            mixedInstancesPolicy: {
              instancesDistribution: { onDemandPercentageAboveBaseCapacity: 100 },
              launchTemplate: {
                launchTemplateSpecification: { launchTemplateId: template.id, version },
                overrides: options.instanceTypes.map((instanceType) => ({ instanceType })),
              },
            },
          }),
      tags: [{ key: 'version', value: options.version, propagateAtLaunch: true }],
    },
    { ignoreChanges: ['desiredCapacity'] },
  );
  const policy = new aws.autoscaling.Policy('cpu', {
    autoscalingGroupName: group.name,
    policyType: 'TargetTrackingScaling',
    estimatedInstanceWarmup: 30,
    targetTrackingConfiguration: {
      targetValue: 50,
      predefinedMetricSpecification: { predefinedMetricType: 'ASGAverageCPUUtilization' },
    },
  });
  return { role, reading, managed, profile, template, group, policy };
}
