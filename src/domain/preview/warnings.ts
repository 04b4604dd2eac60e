import type { WindowsConfig } from '../config';
import type { BasculeError } from '../errors';
import { assessDrift, expectationOf, type Expectation, type Sighting } from '../expectation';
import type { PreflightAssessment } from '../preflight';
import type { Plan } from '../records';
import type { DeploymentState } from '../replay';
import { soleColour } from '../traffic';
import { describeMoment, windowAt } from '../windows';
import type { ResourceChange, StackPreview, Warning, WarningCode } from './preview';

/** A warning whose code is one of those that are told of. */
interface Coded extends Warning {
  code: WarningCode;
}

/** Where the world is not as the last deployment left it: somebody changed it by hand since. */
export function driftWarnings(last: DeploymentState | undefined, sightings: readonly Sighting[]): Coded[] {
  if (last?.closed == null || last.closed.outcome === 'halted') return [];
  return sightings.flatMap((seen) => {
    const expectation = expectationOf(last, seen.region);
    if (expectation === undefined) return [];
    const { traffic, fleet } = assessDrift(expectation, seen);
    const fresh = newRoutes(expectation, seen);
    return [...traffic.filter(({ label }) => !fresh.has(label)), ...fleet].map(
      ({ label, expected, found }): Coded => ({
        code: 'drift',
        message: `${seen.region}: ${label} is not as deployment ${last.deployment} left it: expected ${expected}; found ${found}`,
        next: 'Find out who changed it: a deployment begins from what it finds.',
      }),
    );
  });
}

/** Rules that `bascule up` made since, and that send their requests where all others go. */
function newRoutes({ routes }: Expectation, seen: Sighting): Set<string> {
  const known = new Set(routes.flat().map(({ id }) => id));
  const production = seen.routes.filter(({ listener }) => listener === 'production');
  const colours = new Set(production.map(({ weights }) => soleColour(weights)));
  const fresh = production.filter(({ id }) => !known.has(id));
  return new Set(colours.size === 1 && !colours.has(undefined) ? fresh.map(({ label }) => label) : []);
}

/** The last deployment stopped for a person: what it left is neither the former state nor the new one. */
export function haltWarnings(environment: string, last: DeploymentState | undefined): Coded[] {
  if (last?.closed?.outcome !== 'halted') return [];
  const { deployment, plan, closed } = last;
  return [
    {
      code: 'halted',
      message: `the last deployment, ${deployment} (${plan.purpose} to ${plan.version}), halted for a person: ${closed.message}`,
      next: `\`bascule resume ${environment}\` goes on with it, \`bascule abort ${environment}\` goes back; another deployment begins from what is there.`,
    },
  ];
}

/** What could not be known of the account's room, and what a person should know of it. */
export function preflightWarnings(assessments: readonly PreflightAssessment[]): Coded[] {
  return assessments.flatMap(({ notes }) =>
    notes.map((note): Coded => ({ code: 'preflight', message: note })),
  );
}

/** What production requests go through, by the engine's type tokens, and what people call it. */
const PATH_OF_REQUESTS: Record<string, string> = {
  'aws:lb/loadBalancer:LoadBalancer': 'load balancer',
  'aws:lb/listener:Listener': 'listener',
  'aws:lb/listenerRule:ListenerRule': 'rule',
  'aws:lb/targetGroup:TargetGroup': 'target group',
  'aws:lb/listenerCertificate:ListenerCertificate': 'certificate of a listener',
};

/** What applying the service stack would change, and what of it production requests would feel. */
export function serviceStackWarnings(environment: string, preview: StackPreview): Coded[] {
  const { resources, stack, refused = [] } = preview;
  if (resources.length === 0 || isNew(preview)) return [];
  const by = `\`bascule up ${environment}\` would ${refused.length === 0 ? 'do' : 'refuse'} it`;
  return [
    ...resources.flatMap((change) => liveChange(change, `${by}; a deployment does not apply it.`)),
    {
      code: 'service-stack',
      message: `the stack ${stack} is not as its configuration says: ${resources.length} resource(s) differ; a deployment does not apply it, and new fleets get the settings that were applied last`,
      next:
        refused.length === 0
          ? `\`bascule up ${environment}\` applies it.`
          : [`${by}:`, ...refused].join('\n'),
    },
  ];
}

/** Nothing of it is there, so nothing of it is live. */
export function isNew({ resources, unchanged }: StackPreview): boolean {
  return unchanged === 0 && resources.every(({ operation }) => operation === 'create');
}

function liveChange({ type, name, operation, properties }: ResourceChange, next: string): Coded[] {
  const what = PATH_OF_REQUESTS[type];
  if (what === undefined || operation === 'create') return [];
  if (operation === 'update') {
    const paths = properties.map(({ path }) => path).filter((path) => !path.startsWith('tags'));
    if (paths.length === 0) return [];
    const message = `the ${what} ${name}, which production requests go through, would be changed in place: ${paths.join(', ')}`;
    return [{ code: 'live-change', message, next }];
  }
  const forced = properties.flatMap((property) => (property.replaces === true ? [property.path] : []));
  const why = forced.length === 0 ? '' : `, because of ${forced.join(', ')}`;
  return [
    {
      code: 'live-change',
      message: `the ${what} ${name} would be ${operation}d${why}: production requests that go through it would fail meanwhile`,
      next,
    },
  ];
}

/** What the engine would do to a stack could not be said. */
export function unknownStack({ message, details, next }: BasculeError): Coded {
  return { code: 'stack-unknown', message: [message, ...details].join('\n'), next };
}

/** Freezes in force that the deployment would go past. */
export function overrideWarnings(names: readonly string[]): Coded[] {
  return names.map((name) => ({
    code: 'freeze',
    message: `the freeze ${name} is in force and would be overridden; that is logged`,
  }));
}

/** A plan may be looked at at any time, and not be run at any. */
export function windowWarnings(windows: WindowsConfig | null, now: number): Coded[] {
  if (windows === null) return [];
  const state = windowAt(windows, now);
  if (state.kind === 'open') return [];
  const opens =
    state.opensAt === null ? '' : `; the next one opens ${describeMoment(state.opensAt, windows.timeZone)}`;
  return [{ code: 'window', message: `no deployment may begin now, outside the windows${opens}` }];
}

/** The database would be changed for a release of which nobody knows what it works with. */
export function schemaWarnings({ version, schema, steps }: Plan): Coded[] {
  if (schema !== undefined || !steps.some(({ kind }) => kind === 'migrate')) return [];
  const contracts = steps.some((step) => step.kind === 'migrate' && step.phase === 'contract');
  return [
    {
      code: 'schema',
      message: `${version} declares no range of database schemas${contracts ? ': no rollback leads past its contract, to whatever release' : ''}`,
      next: 'Declare it in the bascule.yaml of the application and bake it: `schema: { from: 4, to: 6 }`.',
    },
  ];
}
