import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { environment, problemsIn, type Edit } from '../support/config';
import { both, withHttps, WRONG } from '../support/wrong-environments';
import { parseBake, parseEnvironment, parseFleetStack, parseImage } from '../../src/domain/config';

const EXAMPLES = path.resolve(__dirname, '../../examples/environments');

function example(name: string): unknown {
  const text = readFileSync(path.join(EXAMPLES, name, `Pulumi.${name}.yaml`), 'utf8');
  const file = parse(text) as { config: Record<string, unknown> };
  return file.config['bascule:environment'];
}

describe('an environment that is right', () => {
  it.each(['sandbox', 'small', 'full'])('accepts the example %s', (name) => {
    expect(parseEnvironment(name, example(name))).toMatchObject({ ok: true });
  });

  it('fills in the defaults, those that depend on other fields too', () => {
    const parsed = parseEnvironment('production', environment());
    expect(parsed).toMatchObject({
      ok: true,
      config: {
        network: { kind: 'default' },
        loadBalancer: { name: 'shop-production', internal: false, idleTimeoutSeconds: 60 },
        listeners: { production: { protocol: 'HTTP', port: 80, redirectFromPort: null } },
        targets: { name: 'shop-production', port: 8080, deregistrationDelaySeconds: 300 },
        fleet: {
          desired: 2,
          imageOwners: ['self'],
          egress: [{ cidr: '0.0.0.0/0', protocol: 'tcp', port: 443 }],
        },
        deployment: {
          healthGate: { consecutive: 3, intervalSeconds: 5, timeoutSeconds: 900 },
          drainTimeoutSeconds: 360,
          retire: { when: 'after', afterSeconds: 0 },
        },
      },
    });
  });

  it('redirects port 80 and listens on 443 with HTTPS', () => {
    const parsed = parseEnvironment('production', environment(withHttps));
    expect(parsed).toMatchObject({
      ok: true,
      config: { listeners: { production: { port: 443, redirectFromPort: 80 } } },
    });
  });

  it.each(['sandbox', 'small', 'full'])('reads its own result of %s again without a change', (name) => {
    const first = parseEnvironment(name, example(name));
    if (!first.ok) throw new Error('the example is not right');
    // The fleet stacks read it from the service stack's outputs, as JSON.
    expect(parseEnvironment(name, JSON.parse(JSON.stringify(first.config)))).toEqual(first);
  });
});

describe('an environment that is wrong', () => {
  it.each(WRONG)('refuses %s', (_what, edit, where, message) => {
    const problems = problemsIn('production', environment(edit));
    expect(problems.map((problem) => problem.where)).toEqual([where]);
    expect(problems[0]?.message).toMatch(message);
  });

  it('accepts names of 32 characters and refuses those of 33', () => {
    // shop- and -green take 11 of the 32.
    const longest = 'e'.repeat(32 - 'shop-'.length - '-green'.length);
    expect(problemsIn(longest, environment())).toEqual([]);
    const [problem] = problemsIn(`${longest}e`, environment());
    expect(problem?.where).toBe('targets.name');
    expect(problem?.message).toMatch(/has 33 characters, AWS allows 32: set a shorter targets.name/);
    const shorter: Edit = (input) => (input['targets'] = { name: 'shop-short' });
    expect(problemsIn(`${longest}e`, environment(shorter))).toEqual([]);
  });

  it('reports all problems at once, those that compare fields too', () => {
    const problems = problemsIn(
      'production',
      environment(
        both(
          (input) => (input['bucket'] = 7),
          (input) => (input.fleet['minimum'] = 9),
          (input) => (input.fleet['instanceTypes'] = 't3.small'),
          (input) => (input.listeners.test['port'] = 80),
          (input) => (input['rule'] = []),
        ),
      ),
    );
    expect(problems.map((problem) => problem.where).sort()).toEqual([
      'bucket',
      'fleet.instanceTypes',
      'fleet.minimum',
      'listeners.test.port',
      'rule',
    ]);
  });

  it.each(['image', 'Production', 'a.b', 'a-', ''])('refuses %j as the name of an environment', (name) => {
    expect(problemsIn(name, environment())[0]?.message).toMatch(/environment/);
  });

  it('answers with problems, whatever the file holds', () => {
    const base = environment();
    const keys = [
      ...Object.keys(base),
      'targets',
      'rules',
      'deployment',
      'loadBalancer',
      'regionOverrides',
      'alarms',
    ];
    const paths = [
      ...keys,
      'listeners.production',
      'listeners.test',
      'targets.healthCheck',
      'targets.deregistrationDelaySeconds',
      'deployment.retire',
      'deployment.waves',
      'access.credentials',
      'approvals',
      'notifications',
      'promotion',
      'windows',
      'fleet.egress',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (where, junk) => {
        const input = environment((draft) => {
          const parts = where.split('.');
          const last = parts.pop() as string;
          const owner = parts.reduce<Record<string, unknown>>((at, part) => {
            at[part] ??= {};
            return at[part] as Record<string, unknown>;
          }, draft);
          owner[last] = junk;
        });
        const parsed = parseEnvironment('production', input);
        // Either a whole configuration or at least one reason; never an exception.
        expect(parsed.ok || parsed.problems.length > 0).toBe(true);
      }),
      // A list that no text can be made of, where other defaults are derived from the text.
      { numRuns: 500, examples: [['service', [{ toString: false }]]] },
    );
    fc.assert(
      fc.property(fc.anything(), (junk) => {
        expect(parseEnvironment('production', junk).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what the stacks are told', () => {
  it('accepts a fleet and refuses one whose desired capacity is out of its limits', () => {
    const fleet = { version: '1.0.0', minimum: 0, maximum: 4, desired: 2 };
    expect(parseFleetStack(fleet)).toEqual({ ok: true, config: fleet });
    expect(parseFleetStack({ ...fleet, desired: 5 })).toMatchObject({ ok: false });
    expect(parseFleetStack({ ...fleet, version: '1.*' })).toMatchObject({ ok: false });
  });

  it('accepts an image and a bake', () => {
    const sums = { sha256: 'a'.repeat(64), contentSha256: 'b'.repeat(64) };
    const image = parseImage({ service: 'shop', bucket: 'releases', regions: ['eu-west-3'] });
    expect(image).toMatchObject({ ok: true, config: { tags: {}, baseImage: { owner: 'amazon' } } });
    const bake = { version: '1', bundleFile: '/tmp/x', ...sums };
    expect(parseBake(bake)).toEqual({ ok: true, config: bake });
    expect(parseBake({ ...bake, sha256: 'no' })).toMatchObject({ ok: false });
  });
});
