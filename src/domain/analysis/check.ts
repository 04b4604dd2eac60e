/** What a check does while it has no answer, and how often it asks. */
export interface Pacing {
  intervalSeconds: number;
  /** So many failed assessments are put up with; the next one fails the check. */
  failureLimit: number;
  /** So many attempts in a row may end without any measurement, as when CloudWatch does not answer. */
  consecutiveErrorLimit: number;
  /** How long to wait for an answer once the step is otherwise over. */
  waitSeconds: number;
  /** What comes then. There is no way to pass without an answer. */
  then: 'halt' | 'turn-back';
}

/** New colour against old over the same time. */
export interface RateComparison {
  /**
   * At most this share of equal releases is failed, however often it looks: in a configuration over the whole
   * deployment, in a step of a plan over what `budgeted` gave it.
   */
  significance: number;
  /** A difference between the shares up to this one is nobody's concern, however certain it is. */
  tolerance: number;
}

/** The share of failed requests: target 5xx, or connections that a target did not take. */
export interface RateCheck {
  kind: 'error-rate' | 'connection-errors';
  /** The greatest share of failed requests over the window, 0 to 1; null for no absolute limit. */
  limit: number | null;
  /** What the limit is applied to: the last so many seconds. */
  windowSeconds: number;
  /** Fewer requests of a colour than this decide nothing. */
  minimumRequests: number;
  comparison: RateComparison | null;
}

export interface LatencyComparison {
  /** The new colour may be so many times as slow as the old one … */
  ratio: number;
  /** … and by so much slower on top, for response times so short that a ratio says nothing. */
  toleranceSeconds: number;
}

/** A percentile of the response times. */
export interface LatencyCheck {
  kind: 'latency';
  /** 50 to 99.9. */
  percentile: number;
  limitSeconds: number | null;
  minimumRequests: number;
  comparison: LatencyComparison | null;
}

/** Targets of the new colour that the load balancer calls unhealthy. */
export interface HostsCheck {
  kind: 'unhealthy-hosts';
  /** So many are put up with. */
  limit: number;
}

/** CloudWatch alarms of the user's own. */
export interface AlarmCheck {
  kind: 'alarms';
  names: string[];
}

/** A command of the user's: it exits 0 to pass, 1 to fail, 2 when it cannot tell. */
export interface CommandCheck {
  kind: 'command';
  command: string[];
  timeoutSeconds: number;
}

export type CheckRule = RateCheck | LatencyCheck | HostsCheck | AlarmCheck | CommandCheck;
export type Check = CheckRule & { name: string; pacing: Pacing };

/** 4 errors in a row are what Argo Rollouts puts up with, too; it passes over what is inconclusive, we do not. */
export const DEFAULT_PACING: Pacing = {
  intervalSeconds: 60,
  failureLimit: 0,
  consecutiveErrorLimit: 4,
  waitSeconds: 600,
  then: 'halt',
};

/**
 * Simulated in test/domain/analysis-whole.test.ts: of equal releases fewer than one in a hundred is failed over a
 * whole deployment; 2 % against 1 % is caught at 10,000 requests of each colour in more than 99 of a hundred.
 */
export const DEFAULT_COMPARISON: RateComparison = { significance: 0.01, tolerance: 0.001 };

export const DEFAULT_LATENCY_COMPARISON: LatencyComparison = { ratio: 1.25, toleranceSeconds: 0.005 };
