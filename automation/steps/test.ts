import { countsOf, countsText, hasPassed, problemLines, type TestRun } from '../../src/domain/suite/result';
import { describeStep, type Test } from '../../src/domain/step';
import type { TestPlace } from '../../src/domain/suite/gate';
import { done, nothingToUndo, pending, ran, reason, timedOut } from './handler';
import type { StepContext, StepHandler, Verdict } from './handler';

/** How often it is asked whether a test has ended; it runs beside that. */
const POLL_MILLISECONDS = 500;

/**
 * Runs a test against the release. It goes on while the driver looks at everything else, and ends when the driver
 * leaves the step. It only asks: one whose result is not recorded, as after a kill, is run again.
 */
export const test: StepHandler<Test> = {
  // Whoever runs it ends it at its own time-out, which counts from its beginning.
  timeoutSeconds: () => null,
  pollMilliseconds: () => POLL_MILLISECONDS,
  recovery: 'repeat',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const place = placeOf(step, context);
    const run = await TestUnderWay.of(step, place, context).ended();
    if (run === undefined) return pending(`the test ${step.name} to end`);
    if (run.lacking !== undefined) return lacks(step, run.lacking);
    const { deployment } = place;
    const results = await context.world.tests.keep(run, place, { deployment, step: step.id });
    return verdictOf(step, run, results);
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) => timedOut(describeStep(step), waitingFor),
};

function placeOf({ name, when, version, region }: Test, context: StepContext): TestPlace {
  const { deployment, plan } = context.state();
  const { productionUrl, testUrl } = context.region;
  const url = when === 'live' ? productionUrl : testUrl;
  return { name, when, url, version, region, environment: plan.environment, deployment };
}

function verdictOf(step: Test, run: TestRun, results: string): Verdict {
  const counts = countsOf(run.cases);
  if (hasPassed(run)) return done(countsText(counts), { ...counts, results });
  const told = run.cases.length === 0 ? '' : `: ${countsText(counts)}`;
  const where = step.when === 'idle' ? 'through the test listener' : 'in production';
  return {
    kind: 'failed',
    reason: reason(
      'BASCULE_TEST_FAILED',
      `The test ${step.name} of ${step.version} failed ${where} in ${step.region}${told}.`,
      [...problemLines(run), `results: ${results}`],
    ),
  };
}

/** It was there when the deployment began: another machine goes on. Its release is not to blame. */
function lacks(step: Test, names: readonly string[]): Verdict {
  return {
    kind: 'halt',
    reason: reason(
      'BASCULE_TEST_VARIABLE_MISSING',
      `The test ${step.name} cannot run here: its suite needs ${names.join(', ')} in the environment of Bascule.`,
    ),
  };
}

/** The run of one step in this process. */
class TestUnderWay {
  private run: TestRun | undefined;
  private thrown: Error | undefined;

  private constructor(private readonly left: AbortSignal) {}

  static of(step: Test, place: TestPlace, context: StepContext): TestUnderWay {
    const known = context.memory.get('test');
    // One that was left was ended in its midst, and its result tells nothing.
    if (known instanceof TestUnderWay && (known.run !== undefined || !known.left.aborted)) return known;
    const made = new TestUnderWay(context.left);
    context.memory.set('test', made);
    const { work, timeoutSeconds } = step;
    context.world.tests.run({ ...place, work, timeoutSeconds }, context.left).then(
      (run) => {
        if (!context.left.aborted) made.run = run;
      },
      (error: unknown) => (made.thrown = error instanceof Error ? error : new Error(String(error))),
    );
    return made;
  }

  /** What it came to; undefined while it runs. */
  async ended(): Promise<TestRun | undefined> {
    // Lets one that ended already be heard in this round.
    await Promise.resolve();
    if (this.thrown !== undefined) throw this.thrown;
    return this.run;
  }
}
