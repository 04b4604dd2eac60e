import type { EngineEvent } from '@pulumi/pulumi/automation';
import { describe, expect, it } from 'vitest';
import { Diagnostics, stackFailure } from '../../src/adapters/stack-failure';

function said(message: string, urn?: string, severity = 'error'): EngineEvent {
  return {
    diagnosticEvent: { message, severity, color: 'never', ...(urn === undefined ? {} : { urn }) },
  } as EngineEvent;
}

function failureOf(events: EngineEvent[], text = 'the command failed') {
  const diagnostics = new Diagnostics();
  for (const event of events) diagnostics.take(event);
  return stackFailure('production.eu-west-3.green', new Error(text), diagnostics);
}

describe('stackFailure', () => {
  it('names the resource and shows the engine’s own words once, without its marks', () => {
    const urn = 'urn:pulumi:production.eu-west-3.green::bascule::aws:autoscaling/group:Group::fleet';
    const event = said('<{%fg 1%}>creating: the subnet subnet-1 does not exist<{%reset%}>\n', urn);
    const error = failureOf([event, event, said('update failed'), said('only a hint', undefined, 'info')]);
    expect(error).toMatchObject({ code: 'BASCULE_STACK_FAILED', exitCode: 3 });
    expect(error.message).toContain('production.eu-west-3.green');
    expect(error.details).toEqual([
      'aws:autoscaling/group:Group fleet: creating: the subnet subnet-1 does not exist',
    ]);
  });

  it('shows the last lines of the command when the engine said nothing', () => {
    const text =
      'Command failed with exit code 1: pulumi up\nUpdating (production):\nerror: no backend at s3://x';
    expect(failureOf([], text).details).toEqual(['error: no backend at s3://x']);
  });

  it('is no wall of output', () => {
    const events = Array.from({ length: 100 }, (_, index) => said(`error ${index}`));
    expect(failureOf(events).details).toHaveLength(12);
  });

  it('tells a lock from a conflict that a resource has', () => {
    const locked = failureOf(
      [],
      'error: the stack is currently locked by 1 lock(s).\n  created by ada@desk (pid 4242)',
    );
    expect(locked).toMatchObject({ code: 'BASCULE_STACK_LOCKED', exitCode: 6 });
    expect(locked.details).toContain('created by ada@desk (pid 4242)');
    expect(locked.next).toContain('pulumi cancel');
    expect(failureOf([said('409 Conflict: a target group with this name exists')]).code).toBe(
      'BASCULE_STACK_FAILED',
    );
  });
});
