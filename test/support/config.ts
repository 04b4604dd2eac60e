import { parseEnvironment, pathText } from '../../src/domain/config';

/** A right environment as its file would hold it, loose enough to be made wrong. */
export interface LooseEnvironment {
  [key: string]: unknown;
  listeners: { production: Record<string, unknown>; test: Record<string, unknown> };
  fleet: Record<string, unknown>;
}

export type Edit = (input: LooseEnvironment) => unknown;

export function environment(edit: Edit = () => undefined): LooseEnvironment {
  const input: LooseEnvironment = {
    service: 'shop',
    bucket: 'acme-releases',
    regions: ['eu-west-3'],
    listeners: {
      production: { allowedCidrs: ['0.0.0.0/0'] },
      test: { port: 8443, allowedCidrs: ['203.0.113.7/32'] },
    },
    fleet: { instanceTypes: ['t3.small'], minimum: 2, maximum: 4 },
  };
  edit(input);
  return input;
}

export function cidrLine(cidr: string): Edit {
  return (input) => (input.listeners.production['allowedCidrs'] = [cidr]);
}

export function problemsIn(name: string, raw: unknown): { where: string; message: string }[] {
  const parsed = parseEnvironment(name, raw);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => ({ where: pathText(path), message }));
}
