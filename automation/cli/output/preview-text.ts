import type { Preview, PreviewedStep, StackPreview } from '../../../src/domain/preview/preview';
import {
  costText,
  count,
  expectedText,
  FEW_ROUTES,
  instancesText,
  money,
  movesOf,
  movesText,
  planText,
  printable,
  propertyText,
  resourceText,
  SIGNS,
  stackText,
  verdictText,
  versionsText,
  waitText,
  weightsText,
  duration,
  type MovedRoutes,
} from './preview-words';
import { waveLines } from './preview-waves';
import { table } from './tables';

/** A preview for a terminal. */
export function renderPreviewText(preview: Preview): string {
  const sections = [
    heading(preview),
    section('Warnings', warnings(preview)),
    section('Images', images(preview)),
    section(
      'Stacks',
      preview.stacks.flatMap((stack) => stackLines(stack, preview.environment)),
    ),
    section('Traffic', traffic(preview)),
    section('Steps', steps(preview)),
    section(
      'Way back',
      preview.wayBack.map(({ region, text }) => `${region}  ${text}`),
    ),
    section('Cost', cost(preview)),
    ending(preview),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(printable).join('\n'))
    .join('\n\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function heading(preview: Preview): string[] {
  const { service, environment, verdict } = preview;
  const reasons =
    verdict.kind === 'refused'
      ? verdict.reasons.flatMap(({ code, message, next }) => [`  ${code}: ${message}`, `    next: ${next}`])
      : [];
  return [`${service} ${environment}: ${versionsText(preview)}`, verdictText(preview), ...reasons];
}

function warnings(preview: Preview): string[] {
  return preview.warnings.flatMap(({ code, message, next }) => [
    `! ${code}: ${message}`,
    ...(next === undefined ? [] : [`  next: ${next}`]),
  ]);
}

function images({ images, version }: Preview): string[] {
  if (images.length === 0) return [];
  const rows = images.map(({ region, found }) =>
    found === null ? [region, `no image of ${version}`, ''] : [region, found.id, found.state],
  );
  return table(rows).split('\n');
}

function stackLines(stack: StackPreview, environment: string): string[] {
  return [
    `${stack.stack}: ${stackText(stack, environment)}`,
    ...stack.resources.flatMap((resource) => [
      `  ${SIGNS[resource.operation]} ${resourceText(resource)}`,
      // What a resource is made with would be hundreds of lines; Markdown and JSON have it.
      ...(resource.operation === 'create' || resource.operation === 'delete'
        ? []
        : resource.properties.map((change) => `      ${propertyText(change)}`)),
    ]),
  ];
}

function traffic(preview: Preview): string[] {
  if (preview.plan === null && preview.steps.length === 0) return [];
  const moves = movesOf(preview.steps);
  if (moves.length === 0) return ['No traffic moves.'];
  return moves.flatMap((region) => [
    `${region.region}: ${movesText(region)}`,
    ...region.steps.flatMap(({ step, number, groups }) => [
      `  step ${number}: ${step.text}`,
      ...groups.flatMap((group) => movedLines(group).map((line) => `    ${line}`)),
    ]),
  ]);
}

function movedLines({ labels, before, after }: MovedRoutes): string[] {
  const weights = `${weightsText(before)} → ${weightsText(after)}`;
  if (labels.length <= FEW_ROUTES) return table(labels.map((label) => [label, weights])).split('\n');
  const first = labels.slice(0, 2).join(', ');
  return [`${count(labels.length, 'route')} (${first}, … ${labels.at(-1)})  ${weights}`];
}

function steps(preview: Preview): string[] {
  const { steps } = preview;
  if (steps.length === 0) return [];
  const head = ['#', 'REGION', 'STEP', 'INSTANCES', 'WAITS', 'USUALLY TAKES'];
  const rows = steps.map((step, index) => [
    String(index + 1),
    step.region,
    step.text,
    instancesText(step),
    waitText(step),
    usually(step),
  ]);
  return [...waveLines(preview), ...table([head, ...rows]).split('\n'), `In all: ${expectedText(steps)}.`];
}

function usually({ expectedSeconds }: PreviewedStep): string {
  return expectedSeconds === null ? '' : duration(expectedSeconds);
}

function cost({ cost }: Preview): string[] {
  if (cost === null) return [];
  return [
    costText(cost),
    ...cost.parts.map(
      ({ region, instanceType, instances, perHour }) =>
        `${region}  ${instances} × ${instanceType} at ${money(perHour)} ${cost.currency}`,
    ),
    ...(cost.unpriced.length === 0 ? [] : [`No price is configured for ${cost.unpriced.join(', ')}.`]),
  ];
}

function ending(preview: Preview): string[] {
  const text = planText(preview);
  return text === null ? [] : [`Plan ${preview.hash}`, text];
}
