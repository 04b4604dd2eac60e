import { describe, expect, it } from 'vitest';
import {
  impossibleChanges,
  parseEnvironment,
  pathText,
  type EnvironmentConfig,
} from '../../src/domain/config';
import { environment, type Edit } from '../support/config';

function configured(edit?: Edit): EnvironmentConfig {
  const parsed = parseEnvironment('production', environment(edit));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

function refused(before: Edit | undefined, after: Edit): string[] {
  return impossibleChanges(configured(before), configured(after)).map(({ path }) => pathText(path));
}

const network =
  (value: unknown): Edit =>
  (input) =>
    (input['network'] = value);

describe('changes of an environment that exists', () => {
  it.each<[string, Edit, string[]]>([
    ['the port of the application', (input) => (input['targets'] = { port: 9090 }), ['targets.port']],
    [
      'the protocol of the application',
      (input) => (input['targets'] = { protocol: 'HTTPS' }),
      ['targets.protocol'],
    ],
    ['the name of the target groups', (input) => (input['targets'] = { name: 'other' }), ['targets.name']],
    [
      'the name of the load balancer',
      (input) => (input['loadBalancer'] = { name: 'other' }),
      ['loadBalancer.name'],
    ],
    ['internal', (input) => (input['loadBalancer'] = { internal: true }), ['loadBalancer.internal']],
    ['the network', network({ kind: 'new' }), ['network']],
    [
      'the service, and with it all names',
      (input) => (input['service'] = 'other'),
      ['service', 'loadBalancer.name', 'targets.name'],
    ],
    [
      'the network of one region',
      (input) => (input['regionOverrides'] = { 'eu-west-3': { network: { kind: 'new' } } }),
      ['regionOverrides.eu-west-3.network'],
    ],
    ['set of regions, without one that serves', (input) => (input['regions'] = ['eu-west-1']), ['regions']],
  ])('refuses another %s', (_what, after, paths) => {
    expect(refused(undefined, after)).toEqual(paths);
  });

  it.each<[string, Edit | undefined, Edit]>([
    ['another maximum', undefined, (input) => (input.fleet['maximum'] = 9)],
    [
      'one region less, once protection was lifted',
      (input) => (input['protection'] = false),
      (input) => (input['regions'] = ['eu-west-1']),
    ],
    ['another region', undefined, (input) => (input['regions'] = ['eu-west-3', 'eu-west-1'])],
    ['more NAT gateways', network({ kind: 'new' }), network({ kind: 'new', natGateways: 'one-per-zone' })],
    [
      'the default name, said out loud',
      undefined,
      (input) => (input['targets'] = { name: 'shop-production' }),
    ],
  ])('allows %s', (_what, before, after) => {
    expect(refused(before, after)).toEqual([]);
  });
});
