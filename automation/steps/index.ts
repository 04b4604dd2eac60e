import type { Step, StepKind, StepOf } from '../../src/domain/step';
import { analyse } from './analyse';
import { approve } from './approve';
import { applyIdle } from './apply-idle';
import { clearIdle } from './clear-idle';
import { follow } from './follow';
import type { StepHandler } from './handler';
import { healthGate } from './health-gate';
import { hold } from './hold';
import { keepWarm } from './keep-warm';
import { migrate } from './migrate';
import { pointTest } from './point-test';
import { prove } from './prove';
import { release } from './release';
import { retire } from './retire';
import { shift } from './shift';
import { smoke } from './smoke';
import { soak } from './soak';
import { test } from './test';
import { trafficEnd } from './traffic-end';
import { unpin } from './unpin';

export type Handlers = { [K in StepKind]: StepHandler<StepOf<K>> };

export const handlers: Handlers = {
  'clear-idle': clearIdle,
  'apply-idle': applyIdle,
  'health-gate': healthGate,
  'point-test': pointTest,
  smoke,
  test,
  migrate,
  approve,
  hold,
  follow,
  shift,
  analyse,
  prove,
  soak,
  release,
  unpin,
  'keep-warm': keepWarm,
  'traffic-end': trafficEnd,
  retire,
};

/** The handler of a step's kind. */
export function handlerOf(step: Step): StepHandler<Step> {
  // The table's type pairs each kind with its handler; TypeScript cannot follow that through the look-up.
  return handlers[step.kind];
}
