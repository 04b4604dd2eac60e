/**
 * What the sandbox's control plane (moto, in Python) and its daemon (load balancers and instances, in
 * Node) say to each other. The control plane holds every fact that an AWS API would hold; the daemon
 * makes those facts true with real processes and reports back what it observed.
 *
 * GET  /_bascule/state?since=<revision>&wait=<seconds>  -> SandboxState; answers at once when the revision
 *      is newer than `since`, otherwise when something changes, at the latest after `wait` seconds.
 * POST /_bascule/truth   TruthReport   -> 204   what the daemon observed; replaces the last report.
 * POST /_bascule/faults  Fault[]       -> 204   injected faults; replaces the former list.
 * GET  /_bascule/calls?since=<n>       -> {next, calls: ApiCall[]}   the API calls the control plane served.
 * POST /_bascule/accounts {accounts, region} -> 204   founds accounts, if they are not yet; GET lists them.
 * POST /_bascule/regions RegionCut[]   -> 204   regions that are cut off; replaces the former list; GET lists.
 */

/** An AWS action list exactly as DescribeRules / DescribeListeners give it. */
export interface ListenerAction {
  Type: string;
  Order?: number;
  TargetGroupArn?: string;
  ForwardConfig?: {
    TargetGroups?: { TargetGroupArn: string; Weight?: number }[];
    TargetGroupStickinessConfig?: { Enabled?: boolean; DurationSeconds?: number };
  };
  FixedResponseConfig?: { MessageBody?: string; StatusCode: string; ContentType?: string };
  RedirectConfig?: {
    Protocol?: string;
    Port?: string;
    Host?: string;
    Path?: string;
    Query?: string;
    StatusCode: string;
  };
}

/** A rule condition exactly as DescribeRules gives it. */
export interface RuleCondition {
  Field: string;
  Values?: string[];
  HostHeaderConfig?: { Values: string[] };
  PathPatternConfig?: { Values: string[] };
  HttpHeaderConfig?: { HttpHeaderName: string; Values: string[] };
  QueryStringConfig?: { Values: { Key?: string; Value: string }[] };
  HttpRequestMethodConfig?: { Values: string[] };
  SourceIpConfig?: { Values: string[] };
}

export interface RuleState {
  arn: string;
  /** 'default' or the number as a string, as AWS writes it. */
  priority: string;
  conditions: RuleCondition[];
  actions: ListenerAction[];
}

export interface ListenerState {
  arn: string;
  port: number;
  protocol: 'HTTP' | 'HTTPS';
  certificateArns: string[];
  /** All rules, the default one last with priority 'default'. */
  rules: RuleState[];
}

export interface LoadBalancerState {
  arn: string;
  name: string;
  account: string;
  region: string;
  /** The loopback address of this load balancer; it is also its DNSName. */
  address: string;
  idleTimeoutSeconds: number;
  listeners: ListenerState[];
}

export interface TargetState {
  /** Instance id. */
  id: string;
  port: number;
  /** Unix milliseconds. */
  registeredAt: number;
  /** Set while draining: Unix milliseconds of the deregistration. */
  deregisteredAt: number | null;
}

export interface TargetGroupState {
  arn: string;
  name: string;
  account: string;
  region: string;
  port: number;
  protocol: string;
  healthCheck: {
    enabled: boolean;
    path: string;
    /** 'traffic-port' or a number as a string. */
    port: string;
    protocol: string;
    intervalSeconds: number;
    timeoutSeconds: number;
    healthyThreshold: number;
    unhealthyThreshold: number;
    /** HTTP codes: '200', '200-299' or '200,202'. */
    matcher: string;
  };
  /** Target group attributes by their AWS names, for example deregistration_delay.timeout_seconds. */
  attributes: Record<string, string>;
  targets: TargetState[];
}

export interface InstanceState {
  id: string;
  account: string;
  region: string;
  /** pending, running, shutting-down, terminated, stopping, stopped. */
  state: string;
  imageId: string;
  /** Tags of the image: service, version, bascule:bundle (an s3:// address), bascule:sha256 ... */
  imageTags: Record<string, string>;
  tags: Record<string, string>;
  userData: string | null;
  launchedAt: number;
  autoScalingGroup: string | null;
  /** The folder with the files of the image, where the release is on the image itself. */
  disk: string | null;
  /** Whether this is the machine on which images are made, and so runs no release. */
  buildMachine: boolean;
}

export interface CertificateState {
  arn: string;
  domain: string;
  /** PEM, where the certificate was imported with its key; otherwise null. */
  certificate: string | null;
  privateKey: string | null;
  chain: string | null;
}

/** A command of Systems Manager's Run Command on one instance that has not ended. */
export interface CommandState {
  /** Of the command, which may be for several instances. */
  id: string;
  instanceId: string;
  /** What /bin/sh is to run. */
  script: string;
  /** From its start until it is killed. */
  timeoutSeconds: number;
  cancelled: boolean;
}

/** A region that cannot be reached: its APIs give no answer. */
export interface RegionCut {
  region: string;
  /** Whether its load balancers cannot be reached, either. */
  traffic: boolean;
}

export interface SandboxState {
  revision: number;
  loadBalancers: LoadBalancerState[];
  targetGroups: TargetGroupState[];
  instances: InstanceState[];
  certificates: CertificateState[];
  commands: CommandState[];
  cuts: RegionCut[];
}

export type ProcessState = 'starting' | 'running' | 'exited';

export interface InstanceTruth {
  /** Where the instance's process listens. */
  host: string;
  port: number;
  process: ProcessState;
  exitCode: number | null;
  signal: string | null;
  pid: number | null;
  /** The file that holds the process's output; GetConsoleOutput answers its end. */
  logFile: string;
}

export type TargetHealthState = 'initial' | 'healthy' | 'unhealthy' | 'unused' | 'draining' | 'unavailable';

export interface TargetTruth {
  state: TargetHealthState;
  /** AWS reason code, for example Target.FailedHealthChecks; null when healthy. */
  reason: string | null;
  description: string | null;
}

/** What became of a command, in the words of GetCommandInvocation. */
export interface CommandTruth {
  status: 'InProgress' | 'Success' | 'Failed' | 'TimedOut' | 'Cancelled';
  details: string;
  /** Its exit code; -1 while there is none. */
  code: number;
  /** Unix milliseconds. */
  startedAt: number;
  endedAt: number | null;
  stdout: string;
  stderr: string;
}

export interface TruthReport {
  /**
   * The revision of the state that these observations are of. Health of a target that was registered in a
   * later revision is not believed. When absent, the time at which the report came decides.
   */
  revision?: number;
  /** After so many seconds without a further report, nothing is known any more. For ever when absent. */
  validSeconds?: number;
  instances: Record<string, InstanceTruth>;
  /** Target group ARN -> instance id -> health. */
  targets: Record<string, Record<string, TargetTruth>>;
  /** Command id -> instance id -> what became of it; only of commands that the state has. */
  commands?: Record<string, Record<string, CommandTruth>>;
}

/** A fault the control plane injects until it is taken away. */
export type Fault =
  | {
      kind: 'capacity-error';
      /** Only this Auto Scaling group; every one when absent. */
      autoScalingGroup?: string;
      region?: string;
      /** AWS's own words; a default InsufficientInstanceCapacity message when absent. */
      message?: string;
    }
  | {
      kind: 'latency';
      /** Added to each AWS call, in milliseconds. */
      milliseconds: number;
    }
  | {
      kind: 'late-metrics';
      /** Between the putting of a metric and its appearance, in seconds; two or three minutes on AWS. */
      seconds: number;
    }
  | {
      kind: 'quota';
      /** A code of Service Quotas, such as L-1216C47A, or the name of a limit of Elastic Load Balancing. */
      code: string;
      value: number;
      region?: string;
    }
  | {
      kind: 'addresses-taken';
      /** So many more addresses of a subnet are somebody else's. */
      count: number;
      /** Only this one; every one when absent. */
      subnet?: string;
    }
  | {
      kind: 'denied';
      /** A call that the credentials may not make, for example `ec2:RunInstances`. */
      action: string;
      message?: string;
    }
  | {
      kind: 'image-copies';
      /** What the copies made meanwhile are: `failed` for good, `pending` until the fault is taken back. */
      state: 'pending' | 'failed';
      region?: string;
    }
  /** Metrics have a resolution of a minute, and appear when it is over, as those of a real load balancer. */
  | { kind: 'minute-metrics' };

export interface ApiCall {
  at: number;
  service: string;
  action: string;
  region: string;
  account: string;
  status: number;
}
