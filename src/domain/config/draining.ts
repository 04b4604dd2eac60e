import { z } from 'zod';

/** What is looked at before a deployment starts, and how open connections are counted while a fleet drains. */

export const preflight = z
  .boolean()
  .default(true)
  .describe(
    'Whether vCPU quota, free addresses, limits of targets, the permission to launch and the alarms that checks name are looked at before a deployment starts; a definite lack refuses it.',
  );

export const openConnections = z
  .strictObject({
    namespace: z
      .string()
      .min(1)
      .max(255)
      .default('CWAgent')
      .describe('CloudWatch namespace of the metric; `CWAgent` is that of the CloudWatch agent.'),
    metric: z
      .string()
      .min(1)
      .max(255)
      .default('netstat_tcp_established')
      .describe(
        'Metric that counts the open connections of one instance, with `AutoScalingGroupName` as its only dimension (`aggregation_dimensions` of the agent). One of the application’s own that counts WebSockets and requests under way says more.',
      ),
    periodSeconds: z
      .literal([1, 5, 10, 30, 60])
      .default(60)
      .describe('Seconds between two reports of an instance.'),
    idlePerInstance: z
      .int()
      .min(0)
      .max(10_000)
      .default(0)
      .describe(
        'Connections that an instance has open when nobody uses it (agents, databases, the load balancer’s kept ones); they are taken off.',
      ),
  })
  .optional()
  .describe(
    'Where the number of open connections is found, so that a deployment says how many were still open when draining ended: the load balancer has no such metric. Default: not known.',
  );

export type OpenConnectionsSettings = NonNullable<z.output<typeof openConnections>>;
