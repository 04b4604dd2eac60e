import type { Outcome } from './outcome';
import type { Assessed, Reason } from './records';
import type { Request } from './request';
import type { Step } from './step';

/** What a person is told while a deployment runs. */
export type Message =
  | { kind: 'opened'; deployment: string; title: string; steps: Step[] }
  | { kind: 'started'; step: Step; at: number }
  | { kind: 'waiting'; step: Step; for: string; at: number }
  | { kind: 'done'; step: Step; at: number; note: string }
  | { kind: 'failed'; step: Step; at: number; reason: Reason }
  | { kind: 'undoing'; step: Step; at: number }
  | { kind: 'undone'; step: Step; at: number; note: string }
  | { kind: 'assessed'; step: Step; assessments: Assessed[]; at: number }
  | { kind: 'asked'; request: Request; refused?: Reason }
  | { kind: 'note'; text: string }
  | { kind: 'closed'; outcome: Outcome; message: string; at: number };
