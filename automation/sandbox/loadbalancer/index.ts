export { DataPlane } from './data-plane';
export { createAuthority } from './certificates';
export type {
  CertificateAuthority,
  DataPlaneOptions,
  ListenerProblem,
  MetricSample,
  TargetAddress,
} from './types';
