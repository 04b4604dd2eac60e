import type { LoadResult } from '../load/types';

/** One step of a deployment as it happened. Times are Unix milliseconds. */
export interface RehearsedStep {
  name: string;
  startedAt: number;
  endedAt: number;
  /** `done`, `failed`, `refused`, `undone` …, in the words of the deployment's journal. */
  outcome: string;
  note?: string;
}

/** One deployment of the rehearsal. */
export interface RehearsedDeployment {
  id: string;
  /** For example `deploy 2.0.0` or `rollback`. */
  what: string;
  /** Versions that were live before and after. */
  from?: string;
  to?: string;
  outcome: string;
  expected: string;
  asExpected: boolean;
  startedAt: number;
  endedAt: number;
  steps: RehearsedStep[];
  /** What was said of it: why it was refused, which instance did not get healthy. */
  message?: string;
}

/** Something that had to be so, and what was found. */
export interface RehearsalCheck {
  name: string;
  expected: string;
  found: string;
  ok: boolean;
}

/** All that the report and the closing table are made of. */
export interface RehearsalReport {
  title: string;
  /** Unix milliseconds. */
  startedAt: number;
  endedAt: number;
  service: string;
  url: string;
  load: LoadResult;
  deployments: RehearsedDeployment[];
  checks: RehearsalCheck[];
  /** What was measured on: versions of the parts, machine, settings of the load. */
  facts: Record<string, string>;
}
