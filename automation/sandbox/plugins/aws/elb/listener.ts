import type { lb } from '@pulumi/aws';
import type { Listener } from '@aws-sdk/client-elastic-load-balancing-v2';
import { awsType, type AwsContext } from '../context';
import { ifFound } from '../errors';
import { ARN, as, given, PORT, REGION, STRING, TAGS } from '../specs';
import { ACTION, checkActions, fromActions, toActions } from './actions';
import { elbTags, retagElb, tagsOfElb } from './common';

type Protocol = 'HTTP' | 'HTTPS';

export const listener = awsType<lb.ListenerArgs, lb.ListenerState>({
  token: 'aws:lb/listener:Listener',
  inputs: {
    loadBalancerArn: as(ARN, { required: true, replace: true }),
    port: as(PORT, { required: true }),
    protocol: { type: 'string', oneOf: ['HTTP', 'HTTPS'], ignoreCase: true, computed: true },
    certificateArn: ARN,
    sslPolicy: as(STRING, { computed: true }),
    defaultActions: { type: 'list', required: true, minLength: 1, items: ACTION },
    region: REGION,
    tags: TAGS,
  },
  outputs: ['arn'],
  check(inputs) {
    const failures = checkActions('defaultActions', inputs.defaultActions);
    if (inputs.protocol === 'HTTPS' && inputs.certificateArn === undefined) {
      failures.push({ property: 'certificateArn', reason: 'is required for HTTPS' });
    }
    if (inputs.protocol === 'HTTP' && inputs.certificateArn !== undefined) {
      failures.push({ property: 'certificateArn', reason: 'cannot be given for HTTP' });
    }
    return failures;
  },
  async create(inputs, context) {
    const { Listeners } = await (
      await context.elb()
    ).createListener({
      LoadBalancerArn: inputs.loadBalancerArn,
      Port: inputs.port,
      Protocol: (inputs.protocol?.toUpperCase() ?? 'HTTP') as Protocol,
      ...certificateCall(inputs),
      DefaultActions: toActions(inputs.defaultActions),
      ...elbTags(context.tags),
    });
    return Listeners?.[0]?.ListenerArn ?? '';
  },
  async read(arn, context, known) {
    const facts = await describeListener(arn, context);
    if (!facts) return undefined;
    return {
      arn,
      loadBalancerArn: facts.LoadBalancerArn,
      port: facts.Port,
      protocol: facts.Protocol,
      ...given({
        certificateArn: facts.Certificates?.[0]?.CertificateArn,
        sslPolicy: facts.Protocol === 'HTTPS' ? facts.SslPolicy : undefined,
      }),
      defaultActions: fromActions(facts.DefaultActions, known.defaultActions),
      region: context.region,
      tagsAll: await tagsOfElb(arn, context),
    };
  },
  async update(arn, { new: next, changed }, context) {
    if (!changed('port', 'protocol', 'certificateArn', 'sslPolicy', 'defaultActions')) return;
    await (
      await context.elb()
    ).modifyListener({
      ListenerArn: arn,
      ...given({ Port: next.port, Protocol: next.protocol?.toUpperCase() as Protocol | undefined }),
      ...certificateCall(next),
      // Sent only when the program changed them: the weights that are in force were set by others.
      ...(changed('defaultActions') ? { DefaultActions: toActions(next.defaultActions) } : {}),
    });
  },
  retag: retagElb,
  async delete(arn, _state, context) {
    await ifFound((await context.elb()).deleteListener({ ListenerArn: arn }));
  },
});

export async function describeListener(arn: string, context: AwsContext): Promise<Listener | undefined> {
  const found = await ifFound((await context.elb()).describeListeners({ ListenerArns: [arn] }));
  return found?.Listeners?.[0];
}

function certificateCall(inputs: { certificateArn?: string | undefined; sslPolicy?: string | undefined }) {
  return given({
    Certificates: inputs.certificateArn ? [{ CertificateArn: inputs.certificateArn }] : undefined,
    SslPolicy: inputs.sslPolicy,
  });
}
