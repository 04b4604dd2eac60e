export { startSandbox, type StartOptions } from './lifecycle/start';
export { resetSandbox, stopSandbox, type StopReport } from './lifecycle/stop';
export { sandboxStatus, type SandboxStatus } from './lifecycle/status';
export { renderEnv, sandboxEnv, withoutAws } from './lifecycle/env';
export { findSandbox, requireSandbox, type AccountInfo, type SandboxInfo } from './lifecycle/info';
export type { Fault, RegionCut } from './contract';
export { clearFaults, cutRegion, healRegion, injectFaults } from './lifecycle/inject';
export { defaultSandboxFolder } from './lifecycle/paths';
export { SANDBOX_ACCOUNT, SANDBOX_BUCKET, SANDBOX_REGION } from './lifecycle/settings';
