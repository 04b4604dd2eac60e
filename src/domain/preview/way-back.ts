import { otherColour } from '../colour';
import type { DeploymentPolicy, RegionFacts } from '../plan';
import type { Plan } from '../records';
import type { SchemaRange } from '../schema-range';
import type { WayBack } from './preview';

interface Former {
  former: string | null;
  /** The range of database schemas that it declares; null where it declares none. */
  formerSchema: SchemaRange | null;
  retire: DeploymentPolicy['retire'];
}

/** What a rollback of a deployment would lead to in one region, and how long that stays warm. */
export function wayBackOf(plan: Plan, facts: RegionFacts, { former, formerSchema, retire }: Former): WayBack {
  const { region, live, fleets } = facts;
  const idle = otherColour(live);
  const instances = fleets[live]?.instances.length ?? 0;
  const given = givenUp(plan, facts);
  if (instances === 0) {
    const text = `nothing serves ${region} yet: there is no release to go back to`;
    return { region, text: text + given, toVersion: null };
  }
  const routes = facts.routes.filter((route) => route.listener === 'production').length;
  const text =
    `a failure gives all ${routes} route(s) back to ${live} (${former ?? 'version unknown'}), ` +
    `which keeps its ${instances} instance(s) until ${idle} is proven; ${afterwards(plan, facts, former, retire)}`;
  return { region, text: text + barred(plan, formerSchema) + given, toVersion: former };
}

/** A contract may take away what the former release needs: by the ranges of the two, where both declare one. */
function barred({ steps, schema, formerVersion }: Plan, former: SchemaRange | null): string {
  const contracts = steps.some((step) => step.kind === 'migrate' && step.phase === 'contract');
  if (!contracts || (schema !== undefined && former !== null && schema.from <= former.to)) return '';
  return `; once the database is contracted, \`bascule rollback\` to ${formerVersion ?? 'it'} is refused`;
}

function afterwards(
  plan: Plan,
  { region, live }: RegionFacts,
  former: string | null,
  retire: DeploymentPolicy['retire'],
): string {
  const retired = plan.steps.some((step) => step.kind === 'retire' && step.region === region);
  if (!retired)
    return `it stays warm until \`bascule retire\`, and until then \`bascule rollback\` moves traffic back at once`;
  const cold = `then \`bascule rollback\` brings ${former ?? 'it'} up again first`;
  return retire.afterSeconds === 0
    ? `${live} is retired when all is done, ${cold}`
    : `${live} stays warm for ${retire.afterSeconds} s more, so that \`bascule rollback\` moves traffic back at once; ${cold}`;
}

/** What could be gone back to until now, and no longer once the deployment begins. */
function givenUp(plan: Plan, { region, live, fleets }: RegionFacts): string {
  const cleared = plan.steps.some((step) => step.kind === 'clear-idle' && step.region === region);
  if (!cleared) return '';
  const idle = fleets[otherColour(live)];
  return `; what ${otherColour(live)} still runs (${idle?.version ?? 'version unknown'}) is given up for it`;
}
