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

  it.each([
    [
      'BASCULE_AWS_THROTTLED',
      'creating Auto Scaling Group (shop): operation error Auto Scaling: CreateAutoScalingGroup, exceeded maximum number of attempts, 25, https response error StatusCode: 400, RequestID: 1, api error Throttling: Rate exceeded',
    ],
    [
      'BASCULE_AWS_THROTTLED',
      'could not write checkpoint: operation error S3: PutObject, https response error StatusCode: 503, api error SlowDown: slow down',
    ],
    [
      'BASCULE_AWS_CREDENTIALS',
      'operation error S3: GetObject, https response error StatusCode: 400, api error ExpiredToken: The provided token has expired.',
    ],
    [
      'BASCULE_AWS_UNREACHABLE',
      'operation error S3: PutObject, https response error StatusCode: 0, request send failed, Put "https://x": read tcp 10.0.0.1:4->10.0.0.2:443: read: connection reset by peer',
    ],
    [
      'BASCULE_AWS_FAILED',
      'reading EC2 Launch Template (lt-1): https response error StatusCode: 503, api error ServiceUnavailable: try again',
    ],
  ])('tells %s from a fault of the release', (code, message) => {
    const urn = 'urn:pulumi:production.eu-west-3.green::bascule::aws:autoscaling/group:Group::fleet';
    expect(failureOf([said(message, urn)])).toMatchObject({
      code,
      details: [expect.stringContaining(message)],
    });
    expect(failureOf([], `error: ${message}`)).toMatchObject({ code });
  });

  it.each([
    [
      'BASCULE_STACK_BACKEND',
      'PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions',
      /PULUMI_BACKEND_URL .*bascule sandbox env/,
    ],
    [
      'BASCULE_STACK_SECRETS',
      'getting secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables',
      /^Set PULUMI_CONFIG_PASSPHRASE/,
    ],
    ['BASCULE_STACK_SECRETS', 'getting secrets manager: incorrect passphrase', /made with/],
  ])('says which setting is missing: %s', (code, message, next) => {
    const error = failureOf([], `error: ${message}`);
    expect(error).toMatchObject({ code, exitCode: 2, details: [`error: ${message}`] });
    expect(error.next).toMatch(next);
  });

  it.each([
    'creating EC2 Launch Template (shop): api error InvalidAMIID.NotFound: The image id does not exist',
    'waiting for Auto Scaling Group (shop) capacity satisfied: timeout while waiting for state to become "ok" (last state: "want at least 2 healthy instance(s), have 0", timeout: 10m0s)',
    'there is no image of shop 5.0.3 in eu-west-3',
    'https response error StatusCode: 400, api error ValidationError: 503 is no port',
  ])('blames the release for what AWS did answer: %s', (message) => {
    expect(failureOf([said(message)]).code).toBe('BASCULE_STACK_FAILED');
  });
});
