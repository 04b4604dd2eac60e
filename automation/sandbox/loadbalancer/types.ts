/** Where a target's process listens. */
export interface TargetAddress {
  host: string;
  port: number;
}

/** PEM key and certificate of an authority that signs what the data plane makes for HTTPS listeners. */
export interface CertificateAuthority {
  key: string;
  cert: string;
}

export interface DataPlaneOptions {
  /** Receives one line for each event worth a person's attention; never called per request. */
  log(line: string): void;
  /** Unix milliseconds; Date.now unless given. */
  now?(): number;
  certificates?: {
    /**
     * Signs the certificates of HTTPS listeners whose own key is unknown, so that a client that trusts it
     * (NODE_EXTRA_CA_CERTS) trusts them. Self-signed certificates unless given.
     */
    authority?: CertificateAuthority;
  };
}

/** What one load balancer saw of one target group since the last sample. */
export interface MetricSample {
  loadBalancerArn: string;
  /** Empty for answers of the load balancer itself that no target group was chosen for. */
  targetGroupArn: string;
  /** Unix milliseconds at which the sample was taken. */
  at: number;
  /** Requests a target was chosen for, as CloudWatch's RequestCount; a retry does not count again. */
  requestCount: number;
  target2xx: number;
  target3xx: number;
  target4xx: number;
  target5xx: number;
  /** 5xx answers made by the load balancer, not by a target. */
  elb5xx: number;
  /** Connections to targets that could not be opened. */
  connectionErrors: number;
  /**
   * Seconds from the request's leaving to the response headers. At most 10,000 a sample: a uniform choice
   * of all when there were more.
   */
  responseTimes: number[];
  /** Connections opened to this group's targets. */
  newConnections: number;
  /** Requests and WebSockets to this group's targets that are under way at the time of the sample. */
  activeConnections: number;
}

/** The TCP connections of one load balancer, those of its clients and those to its targets. */
export interface ConnectionSample {
  loadBalancerArn: string;
  /** Unix milliseconds at which the sample was taken. */
  at: number;
  /** Opened by clients since the last sample; those to targets are in each target group's own sample. */
  newFromClients: number;
  /**
   * Open at the time of the sample; of those to targets only the ones that carry something. Told once a
   * minute, for CloudWatch adds up what it is told within a minute; null in the other samples.
   */
  active: number | null;
}

export interface ListenerProblem {
  listenerArn: string;
  message: string;
}
