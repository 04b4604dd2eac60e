import { describe, expect, it } from 'vitest';
import { layOut, type SubnetSpec } from '../../automation/sandbox/plugins/awsx/layout';

const ZONES = ['a', 'b'];
const blocks = (...args: Parameters<typeof layOut>) =>
  layOut(...args).subnets.map(({ name, cidrBlock }) => `${name} ${cidrBlock}`);

describe('the subnets of a network', () => {
  it('divide it as awsx does without specs', () => {
    expect(blocks('net', '10.0.0.0/16', ZONES, undefined, 'Auto')).toEqual([
      'net-private-1 10.0.0.0/18',
      'net-public-1 10.0.64.0/19',
      'net-private-2 10.0.128.0/18',
      'net-public-2 10.0.192.0/19',
    ]);
  });

  it('share each zone evenly, or by their masks', () => {
    const specs: SubnetSpec[] = [{ type: 'Public' }, { type: 'Private', name: 'app' }, { type: 'Isolated' }];
    expect(blocks('net', '10.0.0.0/16', ['a'], specs, 'Auto')).toEqual([
      'net-public-1 10.0.0.0/18',
      'net-app-1 10.0.64.0/18',
      'net-isolated-1 10.0.128.0/18',
    ]);
    const masked: SubnetSpec[] = [
      { type: 'Public', cidrMask: 24 },
      { type: 'Private', size: 4096 },
    ];
    expect(blocks('net', '10.0.0.0/16', ZONES, masked, 'Auto')).toEqual([
      'net-public-1 10.0.0.0/24',
      'net-private-1 10.0.16.0/20',
      'net-public-2 10.0.128.0/24',
      'net-private-2 10.0.144.0/20',
    ]);
  });

  it('are refused when they do not fit, overlap or leave gaps', () => {
    expect(() => blocks('net', '10.0.0.0/28', ZONES, undefined, 'Auto')).toThrow(
      /at least \/26 available per AZ/,
    );
    const large: SubnetSpec[] = [
      { type: 'Public', cidrMask: 17 },
      { type: 'Private', cidrMask: 17 },
    ];
    expect(() => blocks('net', '10.0.0.0/16', ZONES, large, 'Auto')).toThrow(/Subnets are too large for VPC/);
    const clash: SubnetSpec[] = [
      { type: 'Public', cidrBlocks: ['10.0.0.0/24'] },
      { type: 'Private', cidrBlocks: ['10.0.0.128/25'] },
    ];
    expect(() => blocks('net', '10.0.0.0/16', ['a'], clash, 'Auto')).toThrow(
      /overlap.*\n\n1\. net-public-1/s,
    );
    const gap: SubnetSpec[] = [{ type: 'Public', cidrBlocks: ['10.0.0.0/24'] }];
    expect(() => blocks('net', '10.0.0.0/16', ['a'], gap, 'Exact')).toThrow(/gaps/);
    expect(() => blocks('net', '300.0.0.0/16', ZONES, undefined, 'Auto')).toThrow(
      /'300.0.0.0\/16' is not an IPv4 range/,
    );
  });
});
