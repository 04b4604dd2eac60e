import type { Listener } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Props } from '../../rpc/values';
import { stateOf } from '../compute/group-state';
import type { AwsContext } from '../context';
import { attributeMap, tagsOfElb } from '../elb/common';
import { describeListener } from '../elb/listener';
import { loadBalancer } from '../elb/load-balancer';
import { targetGroup } from '../elb/target-group';
import { ifFound } from '../errors';
import { echo, only, tagsArgument, text } from './arguments';
import type { AwsFunction } from './index';

export const getGroup: AwsFunction = async (args, context) => {
  const name = text(args, 'name') ?? '';
  const client = await context.autoscaling();
  const { AutoScalingGroups } = await client.describeAutoScalingGroups({ AutoScalingGroupNames: [name] });
  const facts = only(AutoScalingGroups, `Auto Scaling Group named ${name}`);
  const { launchTemplate, mixedInstancesPolicy, instanceMaintenancePolicy, tags, ...state } = stateOf(
    facts,
    context.region,
  );
  return {
    ...state,
    id: name,
    tags: tags ?? [],
    launchTemplates: launchTemplate ? [launchTemplate] : [],
    mixedInstancesPolicies: mixedInstancesPolicy ? [mixedInstancesPolicy] : [],
    instanceMaintenancePolicies: instanceMaintenancePolicy ? [instanceMaintenancePolicy] : [],
    launchConfiguration: facts.LaunchConfigurationName ?? '',
    loadBalancers: facts.LoadBalancerNames ?? [],
    maxInstanceLifetime: facts.MaxInstanceLifetime ?? 0,
    newInstancesProtectedFromScaleIn: facts.NewInstancesProtectedFromScaleIn ?? false,
    placementGroup: facts.PlacementGroup ?? '',
    status: facts.Status ?? '',
    trafficSources: [],
    vpcZoneIdentifier: facts.VPCZoneIdentifier ?? '',
    warmPools: [],
  };
};

export const getLoadBalancer: AwsFunction = async (args, context) => {
  const client = await context.elb();
  const arn = text(args, 'arn');
  const name = text(args, 'name');
  const found = await ifFound(
    client.describeLoadBalancers({
      ...(arn ? { LoadBalancerArns: [arn] } : {}),
      ...(name ? { Names: [name] } : {}),
    }),
  );
  const arns = (found?.LoadBalancers ?? []).map((one) => one.LoadBalancerArn ?? '');
  const id = only(await withTags(arns, args, context), 'ELBv2 Load Balancer');
  const state = await loadBalancer.read(id, context, {});
  return {
    ...state,
    id,
    tags: state?.tagsAll ?? {},
    tagsAll: undefined,
    accessLogs: state?.accessLogs ?? { bucket: '', prefix: '', enabled: false },
  };
};

export const getListener: AwsFunction = async (args, context) => {
  const facts = await findListener(args, context);
  const arn = facts.ListenerArn ?? '';
  return {
    ...echo(args),
    id: arn,
    arn,
    alpnPolicy: '',
    certificateArn: facts.Certificates?.[0]?.CertificateArn ?? '',
    defaultActions: (facts.DefaultActions ?? []).map((action, at) => ({
      type: action.Type ?? '',
      order: action.Order ?? at + 1,
      targetGroupArn: action.TargetGroupArn ?? '',
      forwards: action.ForwardConfig ? [forwards(action.ForwardConfig)] : [],
      redirects: action.RedirectConfig
        ? [
            {
              host: action.RedirectConfig.Host ?? '',
              path: action.RedirectConfig.Path ?? '',
              port: action.RedirectConfig.Port ?? '',
              protocol: action.RedirectConfig.Protocol ?? '',
              query: action.RedirectConfig.Query ?? '',
              statusCode: action.RedirectConfig.StatusCode ?? '',
            },
          ]
        : [],
      fixedResponses: action.FixedResponseConfig
        ? [
            {
              contentType: action.FixedResponseConfig.ContentType ?? '',
              messageBody: action.FixedResponseConfig.MessageBody ?? '',
              statusCode: action.FixedResponseConfig.StatusCode ?? '',
            },
          ]
        : [],
      authenticateCognitos: [],
      authenticateOidcs: [],
      jwtValidations: [],
    })),
    loadBalancerArn: facts.LoadBalancerArn ?? '',
    mutualAuthentications: [],
    port: facts.Port,
    protocol: facts.Protocol ?? '',
    sslPolicy: facts.SslPolicy ?? '',
    tags: await tagsOfElb(arn, context),
  };
};

function forwards(config: NonNullable<NonNullable<Listener['DefaultActions']>[number]['ForwardConfig']>) {
  const sticky = config.TargetGroupStickinessConfig;
  return {
    targetGroups: (config.TargetGroups ?? []).map((one) => ({
      arn: one.TargetGroupArn ?? '',
      weight: one.Weight ?? 1,
    })),
    stickinesses: sticky ? [{ enabled: sticky.Enabled ?? false, duration: sticky.DurationSeconds ?? 0 }] : [],
  };
}

async function findListener(args: Props, context: AwsContext): Promise<Listener> {
  const arn = text(args, 'arn');
  if (arn)
    return only(
      [await describeListener(arn, context)].filter((one) => one !== undefined),
      `ELBv2 Listener ${arn}`,
    );
  const client = await context.elb();
  const { Listeners } = await client.describeListeners({ LoadBalancerArn: text(args, 'loadBalancerArn') });
  const matching = (Listeners ?? []).filter((one) => args.port === undefined || one.Port === args.port);
  return only(matching, 'ELBv2 Listener');
}

export const getTargetGroup: AwsFunction = async (args, context) => {
  const client = await context.elb();
  const arn = text(args, 'arn');
  const name = text(args, 'name');
  const found = await ifFound(
    client.describeTargetGroups({
      ...(arn ? { TargetGroupArns: [arn] } : {}),
      ...(name ? { Names: [name] } : {}),
    }),
  );
  const arns = (found?.TargetGroups ?? []).map((one) => one.TargetGroupArn ?? '');
  const id = only(await withTags(arns, args, context), 'ELBv2 Target Group');
  const state = await targetGroup.read(id, context, {});
  const { Attributes } = await client.describeTargetGroupAttributes({ TargetGroupArn: id });
  const delay = attributeMap(Attributes).get('deregistration_delay.timeout_seconds') ?? '';
  return { ...state, id, deregistrationDelay: delay, tags: state?.tagsAll ?? {}, tagsAll: undefined };
};

/** Those that carry all the tags that the lookup names. */
async function withTags(arns: readonly string[], args: Props, context: AwsContext): Promise<string[]> {
  const wanted = Object.entries(tagsArgument(args));
  if (wanted.length === 0) return [...arns];
  const all = await Promise.all(arns.map(async (arn) => ({ arn, tags: await tagsOfElb(arn, context) })));
  return all.filter(({ tags }) => wanted.every(([key, value]) => tags[key] === value)).map(({ arn }) => arn);
}
