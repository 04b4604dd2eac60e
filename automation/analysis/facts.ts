import type { Watching } from '../../src/domain/analysis/standing';
import { stretchOf } from '../../src/domain/analysis/standing';
import { otherColour, type Colour } from '../../src/domain/colour';
import type { StepContext } from '../steps/handler';

/** What a check command gets as JSON on stdin. Fields may be added, and none is renamed within a format. */
export interface CommandFacts {
  format: 1;
  deployment: string;
  environment: string;
  service: string;
  region: string;
  /** Id of the step, for example `analyse:eu-west-3:5`. */
  step: string;
  check: string;
  /** The release that is judged, and the one that it replaces; null where there was none. */
  version: string;
  formerVersion: string | null;
  /** The colour of the one, and of the other. */
  colour: Colour;
  former: Colour;
  /** Per cent of the traffic that the new colour has. */
  percent: number;
  /** When it got it, and now; ISO 8601 in UTC. */
  from: string;
  to: string;
  /** The load balancer's production and test listeners in this region. */
  urls: { production: string; test: string };
}

export function factsFor(step: Watching, check: { name: string }, context: StepContext): CommandFacts {
  const { region, world } = context;
  const state = context.state();
  const { environment, service, formerVersion } = state.plan;
  return {
    format: 1,
    deployment: state.deployment,
    environment,
    service,
    region: step.region,
    step: step.id,
    check: check.name,
    version: step.version,
    formerVersion,
    colour: step.colour,
    former: otherColour(step.colour),
    percent: step.kind === 'soak' ? 100 : step.percent,
    from: new Date(stretchOf(step, state).from).toISOString(),
    to: new Date(world.clock.now()).toISOString(),
    urls: { production: region.productionUrl, test: region.testUrl },
  };
}
