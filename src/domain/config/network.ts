import { z } from 'zod';
import { cidr } from './fields';

const subnets = z
  .union([
    z.strictObject({
      ids: z
        .array(z.string().regex(/^subnet-[0-9a-f]+$/, 'must be a subnet id such as subnet-0a1b2c3d'))
        .min(1)
        .describe('Subnets by id.'),
    }),
    z.strictObject({
      tags: z
        .record(z.string().min(1), z.string())
        .refine((tags) => Object.keys(tags).length > 0, 'must name one tag at least')
        .describe('Every subnet of the VPC that carries all of these tags.'),
    }),
  ])
  .describe('Subnets, by `ids` or by `tags`.');

const existingNetwork = z.strictObject({
  kind: z.literal('existing').describe('A VPC that exists already.'),
  vpc: z
    .union([
      z.strictObject({
        id: z
          .string()
          .regex(/^vpc-[0-9a-f]+$/, 'must be a VPC id such as vpc-0a1b2c3d')
          .describe('The VPC by id.'),
      }),
      z.strictObject({
        tags: z
          .record(z.string().min(1), z.string())
          .refine((tags) => Object.keys(tags).length > 0, 'must name one tag at least')
          .describe('The one VPC that carries all of these tags.'),
      }),
    ])
    .describe('The VPC, by `id` or by `tags`.'),
  loadBalancerSubnets: subnets.describe(
    'Subnets of the load balancer: two or more Availability Zones, one subnet in each (a rule of AWS); public ones unless `loadBalancer.internal`.',
  ),
  instanceSubnets: subnets.describe(
    'Subnets of the instances; private ones. Instances have no public address, so what they fetch at boot needs a NAT gateway or VPC endpoints here.',
  ),
});

const defaultNetwork = z.strictObject({
  kind: z
    .literal('default')
    .describe(
      "The account's default VPC and its default subnets. Instances have no public address, so there they reach S3 and other services only through VPC endpoints.",
    ),
});

const newNetwork = z.strictObject({
  kind: z
    .literal('new')
    .describe('A VPC of its own: public subnets for the load balancer, private ones for the instances.'),
  cidr: cidr.default('10.0.0.0/16').describe('The addresses of the VPC, /16 to /24 (AWS allows /16 to /28).'),
  zones: z
    .int()
    .min(2)
    .max(6)
    .default(2)
    .describe('Availability Zones to span; a load balancer needs two at least.'),
  natGateways: z
    .enum(['none', 'single', 'one-per-zone'])
    .default('single')
    .describe(
      'How instances reach the internet: `single` (one NAT gateway; its zone is a single point of failure for outgoing traffic), `one-per-zone`, or `none` (images must bring all they need, or VPC endpoints be added). A NAT gateway is billed by the hour.',
    ),
});

export const networkSchema = z
  .discriminatedUnion('kind', [defaultNetwork, existingNetwork, newNetwork])
  .describe(
    'Where load balancer and instances live. Cannot be changed once the environment exists: AWS would need other target groups.',
  );

export type NetworkConfig = z.output<typeof networkSchema>;
export type SubnetSelection = z.output<typeof subnets>;
