/** What a deployment would do, as plain data: gathered without a write, then rendered, hashed or compared. */
import type { Capacity } from '../step';
import type { Plan } from '../records';
import type { RouteWeights } from '../traffic';

/** Rises when a field changes its meaning; a preview of another format is refused, not guessed at. */
export const PREVIEW_FORMAT = 1;

export interface Preview {
  format: typeof PREVIEW_FORMAT;
  environment: string;
  service: string;
  version: string;
  /** The environment that releases come from; absent where any may be deployed. */
  promotedFrom?: string;
  /** What is live now; null where nothing is. */
  formerVersion: string | null;
  verdict: Verdict;
  /** Of all that `deploy --plan` compares; null where nothing would run, or not all of it could be seen. */
  hash: string | null;
  /** What the hash is made of; null without a hash. */
  sections: PlanSections | null;
  /** What `deploy` needs beside version and hash for the strategy; absent where it is the configured one. */
  strategyOptions?: string[];
  images: PreviewedImage[];
  stacks: StackPreview[];
  steps: PreviewedStep[];
  wayBack: WayBack[];
  /** What both colours cost beside one, by the configured prices; null where none are configured. */
  cost: CostDifference | null;
  warnings: Warning[];
  /** What the driver would execute; null where nothing would run. */
  plan: Plan | null;
}

/** The parts of a plan that are compared each by itself, in the order of their digests. */
export const PLAN_SECTIONS = ['version', 'config', 'images', 'routes', 'fleets', 'steps', 'stacks'] as const;
export type PlanSection = (typeof PLAN_SECTIONS)[number];
/** Plain JSON, keyed by names that people know, so that what differs can be told by its path. */
export type PlanSections = Record<PlanSection, Record<string, unknown>>;

/** Whether a deployment would begin now. */
export type Verdict =
  | { kind: 'changes' }
  /** The version is live already and no stack differs. */
  | { kind: 'nothing-to-do'; message: string }
  /** The version is live already, so a deployment would do nothing; but stacks differ, and the message says which. */
  | { kind: 'stacks-differ'; message: string }
  /** `deploy` would refuse, for these reasons, each with the code it would end with. */
  | { kind: 'refused'; reasons: { code: string; message: string; next: string }[] };

/** The image that a region would get. */
export interface PreviewedImage {
  region: string;
  found: { id: string; state: string } | null;
}

/** What the engine says it would do to one stack. */
export interface StackPreview {
  stack: string;
  kind: 'service' | 'fleet';
  region: string | null;
  /** Whether a deployment applies it; the service stack is shown because `bascule up` would change it. */
  applied: 'by-deploy' | 'by-up';
  resources: ResourceChange[];
  unchanged: number;
  /** Why applying it would be refused all the same; absent where it would not. */
  refused?: string[];
}

export type ResourceOperation = 'create' | 'update' | 'replace' | 'delete';

export interface ResourceChange {
  operation: ResourceOperation;
  /** Type token of the engine, for example `aws:autoscaling/group:Group`. */
  type: string;
  name: string;
  /** Sorted by path. Values of secrets are the text `[secret]` on both sides. */
  properties: PropertyChange[];
}

export interface PropertyChange {
  /** For example `tags.version` or `rules[0].priority`. */
  path: string;
  /** Absent where the property is added. */
  before?: unknown;
  /** Absent where the property is removed; `[computed]` where only AWS will know it. */
  after?: unknown;
  /** Whether this one forces the replacement. */
  replaces?: true;
}

/** One step of the plan, as people read it. */
export interface PreviewedStep {
  id: string;
  kind: string;
  region: string;
  /** One line, in the same words as the progress of a deployment. */
  text: string;
  /** Each rule's weights before and after; only for steps that move traffic. */
  weights?: { before: RouteWeights[]; after: RouteWeights[] };
  /** Instances once the step is done: of the fleet that is live when the deployment begins, and of the other. */
  instances?: { live: number; idle: number };
  /** Instances and limits that the step gives the new fleet. */
  capacity?: Capacity;
  /** The step waits this long at least by configuration, or for a person. */
  wait?: { seconds: number | null; byHand: boolean };
  /** Steps of one group take their time side by side. */
  group?: string;
  /** Median of the last successful ones of the journal; null without history. */
  expectedSeconds: number | null;
}

export interface WayBack {
  region: string;
  /** What a rollback would lead to, and whether that is warm until the deployment ends. */
  text: string;
  toVersion: string | null;
}

export interface CostDifference {
  currency: string;
  /** Per hour, while both colours run, beside what the live one costs alone. */
  perHour: number;
  /** Instance type, number, and price per hour of each. */
  parts: { region: string; instanceType: string; instances: number; perHour: number }[];
  /** Instance types without a configured price. */
  unpriced: string[];
}

/** What a warning is about; stable. */
export type WarningCode =
  /** Room of the account: what is short, or could not be known. */
  | 'preflight'
  /** Weights or fleets are not as the last deployment left them. */
  | 'drift'
  /** The service stack would touch what production requests go through. */
  | 'live-change'
  /** The service stack is not as its configuration says; a deployment does not apply it. */
  | 'service-stack'
  /** What the engine would do to a stack could not be said. */
  | 'stack-unknown'
  /** The last deployment halted for a person. */
  | 'halted'
  /** A freeze is in force and would be overridden. */
  | 'freeze'
  /** No deployment may begin now, outside the windows. */
  | 'window'
  /** The database would be changed for a release that does not declare what it works with. */
  | 'schema';

/** Something a person should know before saying yes; it stops nothing by itself. */
export interface Warning {
  /** One of WarningCode. */
  code: string;
  message: string;
  next?: string;
}
