import type { Verdict } from '../../src/domain/analysis/assessment';
import { renderBlock, type Block } from '../rehearsal/report/block';
import { clock, duration } from '../rehearsal/report/format';
import { type Html, html } from '../rehearsal/report/html';
import type { StepBlock } from './blocks';
import type { CheckCourse, DeploymentStory } from './story';

/** How a verdict looks: good, bad, or neither yet. */
export function verdictLook(verdict: Verdict): 'good' | 'bad' | 'back' {
  switch (verdict) {
    case 'pass':
      return 'good';
    case 'fail':
      return 'bad';
    case 'inconclusive':
    case 'error':
      return 'back';
  }
}

function blockLook({ outcome, moves }: StepBlock): string {
  switch (outcome) {
    case 'done':
      return moves ? 'step good shift' : 'step good';
    case 'undone':
    case 'left':
    case 'under way':
      return 'step back';
    case 'failed':
    case 'not restored':
      return 'step bad';
  }
}

function stepPiece(block: StepBlock, openedAt: number): Block {
  const { id, name, from, to, outcome } = block;
  const when = `${clock(from - openedAt)} to ${clock(to - openedAt)}`;
  // A step's id ends in its region, for which a block has no room; the details have the whole of it.
  const [kind = id, , ...more] = id.split(':');
  const of = more.map((part) => (/^\d+$/.test(part) ? `${part} %` : part));
  const label = [kind, ...of].join(' ');
  return {
    from,
    to,
    look: blockLook(block),
    label,
    details: `${name}: ${outcome}, ${duration(to - from)}, ${when}.`,
  };
}

/** Each look reaches back to the one before it, as its answer is about the time between. */
function lookPieces({ looks }: CheckCourse, openedAt: number): Block[] {
  return looks.map((look, index) => {
    const former = looks[index - 1];
    const from = former?.step === look.step ? former.at : Math.min(look.window.from, look.at);
    return {
      from: Math.max(from, former?.at ?? 0),
      to: look.at,
      look: `step ${verdictLook(look.verdict)}`,
      label: look.verdict,
      details: `${look.verdict} at ${clock(look.at - openedAt)}: ${look.reason}`,
    };
  });
}

function lane({ openedAt, endedAt }: DeploymentStory, name: string, pieces: readonly Block[]): Html {
  const length = Math.max(1, endedAt - openedAt);
  const draw = (piece: Block): Html => renderBlock(piece, openedAt, length);
  return html`<div class="lane">
    <span class="lane-name">${name}</span>
    <div class="tracks"><div class="track">${pieces.map(draw)}</div></div>
  </div>`;
}

/** The steps of each region and the verdicts of each check, on the time axis of the charts below. */
export function renderLanes(story: DeploymentStory): Html {
  const regions = [...new Set(story.blocks.map(({ region }) => region))];
  const several = regions.length > 1;
  return html`<div class="lanes">
    ${regions.map((region) =>
      lane(
        story,
        several ? region : 'Steps',
        story.blocks
          .filter((block) => block.region === region)
          .map((block) => stepPiece(block, story.openedAt)),
      ),
    )}
    ${story.checks.map((course) =>
      lane(
        story,
        several ? `${course.name}, ${course.region}` : course.name,
        lookPieces(course, story.openedAt),
      ),
    )}
  </div>`;
}
