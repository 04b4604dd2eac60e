export { DataPlane } from './data-plane';
export { createAuthority } from './certificates';
export type {
  CertificateAuthority,
  ConnectionSample,
  DataPlaneOptions,
  ListenerProblem,
  MetricSample,
  TargetAddress,
} from './types';
