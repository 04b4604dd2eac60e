import { describe, expect, it } from 'vitest';
import { deploymentId } from '../../automation/operations/holding';

const noon = Date.UTC(2026, 10, 21, 12, 0, 0);
const fixed = () => 0.5;

describe('the id of a deployment', () => {
  it('is the moment it was opened, and what tells two of the same second apart', () => {
    expect(deploymentId(noon, '', fixed)).toBe('20261121-120000-8000');
  });

  it('comes after the last one, also where the clock of this machine is behind', () => {
    const last = '20261121-235959-ffff';
    const next = deploymentId(noon, last, fixed);
    expect(next).toBe('20261122-000000-8000');
    expect([next, last].sort()).toEqual([last, next]);
  });

  it('comes after one of the same second, whatever chance adds to it', () => {
    const last = deploymentId(noon, '', () => 0.99);
    expect(deploymentId(noon, last, () => 0) > last).toBe(true);
  });
});
