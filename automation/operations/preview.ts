import type { EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { RegionFacts } from '../../src/domain/plan';
import { costOf } from '../../src/domain/preview/cost';
import { hashOf } from '../../src/domain/preview/hash';
import {
  PREVIEW_FORMAT,
  type Preview,
  type StackPreview,
  type Warning,
} from '../../src/domain/preview/preview';
import { sectionsOf } from '../../src/domain/preview/sections';
import { previewSteps } from '../../src/domain/preview/steps';
import { optionsBeside } from '../../src/domain/preview/strategy-options';
import { refusalOf, verdictOfLive, type Refusal } from '../../src/domain/preview/verdict';
import {
  driftWarnings,
  haltWarnings,
  overrideWarnings,
  preflightWarnings,
  schemaWarnings,
  serviceStackWarnings,
  unknownStack,
  windowWarnings,
} from '../../src/domain/preview/warnings';
import { wayBackOf } from '../../src/domain/preview/way-back';
import type { Plan } from '../../src/domain/records';
import type { SchemaRange } from '../../src/domain/schema-range';
import type { Capacity } from '../../src/domain/step';
import type { FleetTarget, Image, Images, StackPreviews } from '../../src/ports';
import { requireNewSchema } from './database';
import { notUp } from './not-up';
import { liveVersion, servedVersion, servingVersion } from './observe';
import {
  declaredRange,
  fleetTargets,
  findImages,
  imageQuestionOf,
  judgeImage,
  planFor,
  type Wanted,
} from './planning';
import { lookForRoom } from './preflight';
import { expected, look, type Found } from './preview-look';
import { previewedImages } from './preview-plan';
import { requireReleaseSet } from './release-set';
import type { Session } from './session';
import { withTestsToShow } from './test';

export interface PreviewRequest extends Required<Wanted> {
  /** As if a version that is live already were to be deployed again. */
  force: boolean;
  /** Freezes that would be overridden, each by its name. */
  overrideFreeze: readonly string[];
}

/** What a preview is gathered from; nothing of it is written to. */
export interface PreviewPlace {
  environment: string;
  config: EnvironmentConfig;
  images: Images;
  stacks: StackPreviews;
  /** The environment; undefined where its service stack was never applied. */
  session(): Promise<Session | undefined>;
}

/** What a deployment would do, without doing any of it. */
export async function preview(place: PreviewPlace, request: PreviewRequest): Promise<Preview> {
  const { service } = await atWork(place.stacks);
  const early = findImages(place.images, imageQuestionOf(place.environment, place.config), request.version);
  early.catch(() => undefined);
  const session = await place.session();
  const images = await early;
  const gathering = { place, request, images, service };
  if (session === undefined) return previewNotUp(gathering);
  const found = await look(session, request.overrideFreeze);
  return previewUp({ ...gathering, session, found });
}

/** The service stack, once the engine is at work on it: that takes longest, and nothing else is begun before. */
function atWork(stacks: StackPreviews): Promise<{ service: Promise<Looked> }> {
  return new Promise((resolve) => {
    const begun = (): void => resolve({ service });
    const service = looked(stacks.service(begun));
    // Also where it never comes to that; who awaits it is told why.
    service.then(begun, begun);
  });
}

interface Gathering {
  place: PreviewPlace;
  request: PreviewRequest;
  images: Map<string, Image | undefined>;
  service: Promise<Looked>;
}

interface GatheringUp extends Gathering {
  session: Session;
  found: Found;
}

/** A stack as the engine would change it, or why that could not be said. */
type Looked = { kind: 'seen'; preview: StackPreview } | { kind: 'unknown'; error: BasculeError };

async function looked(work: Promise<StackPreview>): Promise<Looked> {
  try {
    return { kind: 'seen', preview: await work };
  } catch (thrown) {
    if (!(thrown instanceof BasculeError)) throw thrown;
    return { kind: 'unknown', error: thrown };
  }
}

/** Nothing is live before the first `bascule up`: all of the service stack would be made. */
async function previewNotUp(gathering: Gathering): Promise<Preview> {
  const { place } = gathering;
  const refusals = [refusalOf(notUp(place.environment)), ...imageRefusals(gathering)];
  return withService(gathering, { ...skeleton(gathering), verdict: { kind: 'refused', reasons: refusals } });
}

async function previewUp(gathering: GatheringUp): Promise<Preview> {
  const { place, found, request, session } = gathering;
  const { readings, regions, refusals, last, overridden } = found;
  const warnings = [
    ...driftWarnings(last, readings),
    ...haltWarnings(place.environment, last),
    ...overrideWarnings(overridden),
    ...windowWarnings(session.windows, session.world.clock.now()),
  ];
  const base = { ...skeleton(gathering), warnings };
  if (regions === undefined) {
    const reasons = [...refusals, ...imageRefusals(gathering)];
    const shared = { ...base, formerVersion: servedVersion(readings) };
    return withService(gathering, { ...shared, verdict: { kind: 'refused', reasons } });
  }
  const formerVersion = liveVersion(regions);
  const known = { ...base, formerVersion };
  return formerVersion === request.version && !request.force
    ? previewLive(gathering, regions, known)
    : previewDeployment(gathering, regions, known);
}

/** The version is live: there is nothing to do, unless a stack is not as it is configured. */
async function previewLive(
  gathering: GatheringUp,
  regions: readonly RegionFacts[],
  base: Omit<Preview, 'verdict'>,
): Promise<Preview> {
  const { place, request, session, found } = gathering;
  const targets = regions.flatMap((facts) => liveTarget(facts, session.policy.capacity));
  const [service, ...fleets] = await Promise.all([
    gathering.service,
    ...targets.map((target) => looked(place.stacks.fleet(target))),
  ]);
  const unknown = fleets.flatMap(unknownOf);
  const stacks = fleets.flatMap(seenOf);
  const all = [service, ...fleets];
  const verdict = verdictOfLive(place.environment, request.version, {
    seen: all.flatMap(seenOf),
    unknown: all.flatMap(unknownOf).length,
  });
  return withService(gathering, {
    ...base,
    stacks,
    warnings: [...base.warnings, ...unknown.map(unknownStack)],
    verdict: found.refusals.length === 0 ? verdict : { kind: 'refused', reasons: found.refusals },
  });
}

/** The stack of the live fleet as a deployment left it; its desired capacity is Auto Scaling's own. */
function liveTarget({ region, live, fleets }: RegionFacts, configured: Capacity): FleetTarget[] {
  const fleet = fleets[live];
  if (fleet?.version == null) return [];
  const { desired, version } = fleet;
  const { minimum, maximum } = configured;
  const capacity = {
    minimum,
    maximum: Math.max(maximum, desired),
    desired: Math.max(desired, minimum),
  };
  return [{ region, colour: live, version, capacity }];
}

async function previewDeployment(
  gathering: GatheringUp,
  regions: RegionFacts[],
  base: Omit<Preview, 'verdict'>,
): Promise<Preview> {
  const { place, request, session, found, images } = gathering;
  const { config } = place;
  const tested = await expected(withTestsToShow(session));
  const plan = planFor(tested.kind === 'found' ? tested.value : session, request, regions, images);
  const options = optionsBeside(session.policy.strategy, request.strategy);
  // A fleet's program finds its image itself, and fails without one.
  const targets = fleetTargets(plan).filter(({ region }) => images.get(region)?.state === 'available');
  const [fleets, room, past, fits, whole, formerSchema] = await Promise.all([
    Promise.all(targets.map((target) => looked(place.stacks.fleet(target)))),
    lookForRoom(session, { plan, regions, images }, { readOnly: true }),
    found.past,
    expected(requireNewSchema(session, plan)),
    expected(requireReleaseSet(session, request.version, images)),
    schemaOfFormer(session, plan),
  ]);
  const stacks = fleets.flatMap(seenOf);
  const basis = { plan, regions, config, strategy: request.strategy, images: base.images, stacks };
  // What could not be seen whole cannot be approved either.
  const sections = stacks.length === session.regions.length ? sectionsOf(basis) : null;
  const refusals = [
    ...found.refusals,
    ...imageRefusals(gathering),
    ...[tested, fits, whole].flatMap((one) => (one.kind === 'refused' ? [one.refusal] : [])),
    ...fleets.flatMap(unknownOf).map(refusalOf),
    ...stacks.flatMap(engineRefusals),
    ...room.flatMap(({ lacks }) => lacks),
  ];
  return withService(gathering, {
    ...base,
    hash: sections === null ? null : hashOf(sections),
    sections,
    ...(options.length > 0 && { strategyOptions: options }),
    stacks,
    steps: previewSteps(plan, regions, past),
    wayBack: regions.map((facts) =>
      wayBackOf(plan, facts, {
        former: servingVersion(facts),
        formerSchema,
        retire: session.policy.retire,
      }),
    ),
    cost: costOf(plan, config),
    warnings: [...base.warnings, ...preflightWarnings(room), ...schemaWarnings(plan)],
    plan,
    verdict: refusals.length === 0 ? { kind: 'changes' } : { kind: 'refused', reasons: refusals },
  });
}

/** Only a plan that changes the database makes a difference to it. */
async function schemaOfFormer(session: Session, plan: Plan): Promise<SchemaRange | null> {
  if (plan.formerVersion === null || !plan.steps.some(({ kind }) => kind === 'migrate')) return null;
  return declaredRange(await findImages(session.world.images, session, plan.formerVersion));
}

/** What the engine shows and would not do. */
function engineRefusals({ stack, refused = [] }: StackPreview): Refusal[] {
  return refused.map((reason) => ({
    code: 'BASCULE_STACK_FAILED',
    message: `${stack}: ${reason}`,
    next: `\`pulumi preview --stack ${stack}\` shows the same.`,
  }));
}

function imageRefusals({ place, request, images }: Gathering): Refusal[] {
  const question = imageQuestionOf(place.environment, place.config);
  return [...images].flatMap(([region, image]) => {
    const judged = judgeImage(question, request.version, region, image);
    return judged instanceof BasculeError ? [refusalOf(judged)] : [];
  });
}

function seenOf(stack: Looked): StackPreview[] {
  return stack.kind === 'seen' ? [stack.preview] : [];
}

function unknownOf(stack: Looked): BasculeError[] {
  return stack.kind === 'unknown' ? [stack.error] : [];
}

/** With the service stack first, and what is to be said of it. */
async function withService({ place, service }: Gathering, preview: Preview): Promise<Preview> {
  const { environment } = place;
  const found = await service;
  const warnings: Warning[] = [
    ...seenOf(found).flatMap((stack) => serviceStackWarnings(environment, stack)),
    ...unknownOf(found).map(unknownStack),
    ...preview.warnings,
  ];
  return { ...preview, stacks: [...seenOf(found), ...preview.stacks], warnings };
}

/** What every preview has, whatever else could be found. */
function skeleton({ place, request, images }: Gathering): Omit<Preview, 'verdict'> {
  const { environment, config } = place;
  return {
    format: PREVIEW_FORMAT,
    environment,
    service: config.service,
    version: request.version,
    ...(config.promotion !== undefined && { promotedFrom: config.promotion.from }),
    formerVersion: null,
    hash: null,
    sections: null,
    images: previewedImages(images),
    stacks: [],
    steps: [],
    wayBack: [],
    cost: null,
    warnings: [],
    plan: null,
  };
}
