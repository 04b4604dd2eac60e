import type { lb } from '@pulumi/aws';
import type { InputTable } from '../../model/schema';
import type { Plain } from '../context';
import { as, FLAG, REGION, STRING, TAGS } from '../specs';
import { ELB_NAME, ELB_NAME_PREFIX } from './common';

const PROTOCOLS = ['HTTP', 'HTTPS'];

export const TARGET_GROUP_INPUTS: InputTable<Plain<lb.TargetGroupArgs>> = {
  name: ELB_NAME,
  namePrefix: ELB_NAME_PREFIX,
  port: { type: 'integer', min: 1, max: 65535, replace: true },
  protocol: { type: 'string', oneOf: PROTOCOLS, replace: true },
  protocolVersion: { type: 'string', oneOf: ['HTTP1', 'HTTP2', 'GRPC'], replace: true, computed: true },
  ipAddressType: { type: 'string', oneOf: ['ipv4'], replace: true, computed: true },
  targetType: { type: 'string', oneOf: ['instance', 'ip'], default: 'instance', replace: true },
  vpcId: as(STRING, { replace: true }),
  deregistrationDelay: { type: 'integer', min: 0, max: 3600, default: 300 },
  slowStart: { type: 'integer', min: 0, max: 900, default: 0 },
  loadBalancingAlgorithmType: {
    type: 'string',
    oneOf: ['round_robin', 'least_outstanding_requests', 'weighted_random'],
    computed: true,
  },
  healthCheck: {
    type: 'object',
    computed: true,
    fields: {
      enabled: as(FLAG, { default: true }),
      healthyThreshold: { type: 'integer', min: 2, max: 10, default: 3 },
      unhealthyThreshold: { type: 'integer', min: 2, max: 10, default: 3 },
      interval: { type: 'integer', min: 5, max: 300, default: 30 },
      timeout: { type: 'integer', min: 2, max: 120, computed: true },
      path: {
        type: 'string',
        minLength: 1,
        maxLength: 1024,
        pattern: [/^\//, "begin with '/'"],
        computed: true,
      },
      port: {
        type: 'string',
        default: 'traffic-port',
        pattern: [
          /^(traffic-port|[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/,
          "be 'traffic-port' or a port between 1 and 65535",
        ],
      },
      protocol: { type: 'string', oneOf: PROTOCOLS, default: 'HTTP' },
      matcher: {
        type: 'string',
        computed: true,
        pattern: [
          /^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$/,
          "be HTTP codes such as '200', '200-299' or '200,202'",
        ],
      },
    },
  },
  stickiness: {
    type: 'object',
    computed: true,
    fields: {
      type: { type: 'string', required: true, oneOf: ['lb_cookie', 'app_cookie'] },
      enabled: as(FLAG, { default: true }),
      cookieDuration: { type: 'integer', min: 1, max: 604800, default: 86400 },
      cookieName: STRING,
    },
  },
  region: REGION,
  tags: TAGS,
};
