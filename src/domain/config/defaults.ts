import type { EnvironmentConfig, ParsedEnvironment } from './environment';

/** Waiting longer than the deregistration delay, since the last requests may end with its last second. */
const DRAIN_MARGIN_SECONDS = 60;

/** Fills in the defaults that depend on other fields. `environment` is the environment's name. */
export function withDependentDefaults(environment: string, parsed: ParsedEnvironment): EnvironmentConfig {
  const https = parsed.listeners.production.protocol === 'HTTPS';
  const { production } = parsed.listeners;
  const { redirectFromPort } = production;
  const retire = parsed.deployment.retire;
  const common = `${parsed.service}-${environment}`;
  return {
    ...parsed,
    loadBalancer: { ...parsed.loadBalancer, name: parsed.loadBalancer.name ?? common },
    listeners: {
      ...parsed.listeners,
      production: {
        ...production,
        port: production.port ?? (https ? 443 : 80),
        redirectFromPort: redirectFromPort === undefined ? (https ? 80 : null) : redirectFromPort,
      },
    },
    targets: { ...parsed.targets, name: parsed.targets.name ?? common },
    fleet: { ...parsed.fleet, desired: parsed.fleet.desired ?? parsed.fleet.minimum },
    deployment: {
      ...parsed.deployment,
      drainTimeoutSeconds:
        parsed.deployment.drainTimeoutSeconds ??
        parsed.targets.deregistrationDelaySeconds + DRAIN_MARGIN_SECONDS,
      retire: { ...retire, afterSeconds: retire.afterSeconds ?? 0 },
    },
  };
}
