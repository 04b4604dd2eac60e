import type { lb } from '@pulumi/aws';
import type { Action, TargetGroupStickinessConfig } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Failure } from '../../model/plugin';
import type { InputSpec } from '../../model/schema';
import type { Plain } from '../context';
import { ARN, as, FLAG, given, STRING } from '../specs';

/** An action of a listener or of a rule: both have the same form. */
export type ActionProps = NonNullable<Plain<lb.ListenerRuleArgs>['actions']>[number];

export const ACTION: InputSpec = {
  type: 'object',
  fields: {
    type: { type: 'string', required: true, oneOf: ['forward', 'redirect', 'fixed-response'] },
    order: { type: 'integer', min: 1, max: 50000, computed: true },
    targetGroupArn: ARN,
    forward: {
      type: 'object',
      fields: {
        targetGroups: {
          type: 'set',
          required: true,
          minLength: 1,
          maxLength: 5,
          items: {
            type: 'object',
            fields: {
              arn: as(ARN, { required: true }),
              weight: { type: 'integer', min: 0, max: 999, default: 1 },
            },
          },
        },
        stickiness: {
          type: 'object',
          computed: true,
          fields: {
            enabled: as(FLAG, { default: false }),
            duration: { type: 'integer', min: 1, max: 604800, required: true },
          },
        },
      },
    },
    redirect: {
      type: 'object',
      fields: {
        host: { type: 'string', default: '#{host}', minLength: 1, maxLength: 128 },
        path: { type: 'string', default: '/#{path}', minLength: 1, maxLength: 128 },
        port: { type: 'string', default: '#{port}' },
        protocol: { type: 'string', default: '#{protocol}', oneOf: ['#{protocol}', 'HTTP', 'HTTPS'] },
        query: { type: 'string', default: '#{query}', maxLength: 128 },
        statusCode: { type: 'string', required: true, oneOf: ['HTTP_301', 'HTTP_302'] },
      },
    },
    fixedResponse: {
      type: 'object',
      fields: {
        contentType: {
          type: 'string',
          required: true,
          oneOf: ['text/plain', 'text/css', 'text/html', 'application/javascript', 'application/json'],
        },
        messageBody: as(STRING, { maxLength: 1024 }),
        statusCode: { type: 'string', computed: true, pattern: [/^[245]\d\d$/, 'be 2XX, 4XX or 5XX'] },
      },
    },
  },
};

/** What an action of each type needs, one of. */
const NEEDS: Readonly<
  Record<string, readonly ('targetGroupArn' | 'forward' | 'redirect' | 'fixedResponse')[]>
> = {
  forward: ['targetGroupArn', 'forward'],
  redirect: ['redirect'],
  'fixed-response': ['fixedResponse'],
};

export function checkActions(property: string, actions: readonly ActionProps[] | undefined): Failure[] {
  if (!Array.isArray(actions)) return [];
  return (actions as readonly ActionProps[]).flatMap((action, at) => {
    const needs = NEEDS[action.type] ?? [];
    const has = needs.filter((name) => action[name] !== undefined);
    if (has.length === 0) {
      return [
        { property: `${property}[${at}]`, reason: `a ${action.type} action needs ${needs.join(' or ')}` },
      ];
    }
    return weightFaults(`${property}[${at}].forward.targetGroups`, action);
  });
}

function weightFaults(property: string, action: ActionProps): Failure[] {
  const groups = action.forward?.targetGroups;
  if (!Array.isArray(groups)) return [];
  const arns = groups.map((group) => group.arn).filter((arn) => arn.startsWith('arn:'));
  return new Set(arns).size === arns.length ? [] : [{ property, reason: 'names a target group twice' }];
}

export function toActions(actions: readonly ActionProps[]): Action[] {
  return actions.map((action, at) => ({
    Type: action.type as Action['Type'],
    Order: action.order ?? at + 1,
    ...given({
      TargetGroupArn: action.forward ? undefined : action.targetGroupArn,
      ForwardConfig: action.forward && forwardConfig(action.forward),
      RedirectConfig: action.redirect && {
        Host: action.redirect.host,
        Path: action.redirect.path,
        Port: action.redirect.port,
        Protocol: action.redirect.protocol,
        Query: action.redirect.query,
        StatusCode: action.redirect.statusCode as 'HTTP_301',
      },
      FixedResponseConfig: action.fixedResponse && {
        ContentType: action.fixedResponse.contentType,
        MessageBody: action.fixedResponse.messageBody,
        StatusCode: action.fixedResponse.statusCode ?? '200',
      },
    }),
  }));
}

function forwardConfig(forward: NonNullable<ActionProps['forward']>): Action['ForwardConfig'] {
  return {
    TargetGroups: forward.targetGroups.map(({ arn, weight }) => ({
      TargetGroupArn: arn,
      Weight: weight ?? 1,
    })),
    ...(forward.stickiness
      ? {
          TargetGroupStickinessConfig: {
            Enabled: forward.stickiness.enabled ?? false,
            DurationSeconds: forward.stickiness.duration,
          },
        }
      : {}),
  };
}

/**
 * Actions as properties. AWS gives a simple forward in two forms at once; the one that the program uses is
 * kept, and without a program (an import) the simpler one that says it all.
 */
export function fromActions(actions: readonly Action[] | undefined, known: unknown): ActionProps[] {
  const before = Array.isArray(known) ? (known as Partial<ActionProps>[]) : [];
  const sorted = [...(actions ?? [])].sort((a, b) => (a.Order ?? 0) - (b.Order ?? 0));
  return sorted.map((action, at) => ({
    type: action.Type ?? '',
    order: action.Order ?? at + 1,
    ...forwardOf(action, before[at]),
    ...given({
      redirect: action.RedirectConfig && {
        host: action.RedirectConfig.Host ?? '#{host}',
        path: action.RedirectConfig.Path ?? '/#{path}',
        port: action.RedirectConfig.Port ?? '#{port}',
        protocol: action.RedirectConfig.Protocol ?? '#{protocol}',
        query: action.RedirectConfig.Query ?? '#{query}',
        statusCode: action.RedirectConfig.StatusCode ?? '',
      },
      fixedResponse: action.FixedResponseConfig && {
        contentType: action.FixedResponseConfig.ContentType ?? '',
        messageBody: action.FixedResponseConfig.MessageBody ?? '',
        statusCode: action.FixedResponseConfig.StatusCode ?? '',
      },
    }),
  }));
}

function forwardOf(action: Action, before: Partial<ActionProps> | undefined): Partial<ActionProps> {
  if (action.Type !== 'forward') return {};
  const config = action.ForwardConfig;
  const groups = config?.TargetGroups ?? [];
  const sticky = config?.TargetGroupStickinessConfig;
  const only = action.TargetGroupArn ?? (groups.length === 1 ? groups[0]?.TargetGroupArn : undefined);
  const simple = groups.length <= 1 && !sticky?.Enabled;
  if (only !== undefined && simple && before?.forward === undefined) return { targetGroupArn: only };
  const targetGroups = groups.map(({ TargetGroupArn = '', Weight = 1 }) => ({
    arn: TargetGroupArn,
    weight: Weight,
  }));
  return { forward: { targetGroups, ...stickinessOf(sticky, before) } };
}

/** Without a duration the stickiness is AWS's default of none, which no program needs to say. */
function stickinessOf(
  sticky: TargetGroupStickinessConfig | undefined,
  before: Partial<ActionProps> | undefined,
): Pick<NonNullable<ActionProps['forward']>, 'stickiness'> {
  const duration = sticky?.DurationSeconds ?? before?.forward?.stickiness?.duration;
  return duration === undefined ? {} : { stickiness: { enabled: sticky?.Enabled ?? false, duration } };
}
