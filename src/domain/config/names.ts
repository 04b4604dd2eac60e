import { COLOURS, isColour, type Colour } from '../colour';

/** Names that stacks, driver and people agree on. */

/** The name of the Pulumi project. */
export const PROJECT = 'bascule';
/** The stack of the bake. */
export const IMAGE_STACK = 'image';
/** The key of an environment's configuration in `Pulumi.<environment>.yaml`. */
export const ENVIRONMENT_KEY = 'bascule:environment';
/** The key of what the driver decides for a fleet stack. */
export const FLEET_KEY = 'bascule:fleet';
/** The key of the image stack's configuration. */
export const IMAGE_KEY = 'bascule:image';
/** The key of what the bake command asks of the image stack. */
export const BAKE_KEY = 'bascule:bake';
/** Where releases are in the bucket; instances may read this and nothing else of it. */
export const RELEASES_PREFIX = 'releases/';

/** What a stack's name says about it. */
export type StackName =
  | { kind: 'image' }
  | { kind: 'service'; environment: string }
  | { kind: 'fleet'; environment: string; region: string; colour: Colour };

/** Takes a stack's name apart, or says null when it is none of Bascule's. */
export function parseStackName(stack: string): StackName | null {
  if (stack === IMAGE_STACK) return { kind: 'image' };
  const parts = stack.split('.');
  const [environment, region, colour] = parts;
  if (environment === undefined || environment === '') return null;
  if (parts.length === 1) return { kind: 'service', environment };
  if (parts.length !== 3 || region === undefined || region === '' || colour === undefined) return null;
  return isColour(colour) ? { kind: 'fleet', environment, region, colour } : null;
}

/** `production.eu-west-3.blue` */
export function fleetStackName(environment: string, region: string, colour: Colour): string {
  return `${environment}.${region}.${colour}`;
}

/** `shop-production-blue`: the Auto Scaling group and the launch template of a fleet. */
export function fleetName(service: string, environment: string, colour: Colour): string {
  return `${service}-${environment}-${colour}`;
}

/** `shop-production-blue` unless `targets.name` says otherwise. */
export function targetGroupName(targetsName: string, colour: Colour): string {
  return `${targetsName}-${colour}`;
}

/** The colour of a target group, told from its ARN, or null when it is not one of this environment's. */
export function colourOfTargetGroup(targetsName: string, arn: string): Colour | null {
  return (
    COLOURS.find((colour) => arn.includes(`:targetgroup/${targetGroupName(targetsName, colour)}/`)) ?? null
  );
}
