export { startSandbox, type StartOptions } from './lifecycle/start';
export { resetSandbox, stopSandbox, type StopReport } from './lifecycle/stop';
export { sandboxStatus, type SandboxStatus } from './lifecycle/status';
export { renderEnv, sandboxEnv, withoutAws } from './lifecycle/env';
export { findSandbox, requireSandbox, type SandboxInfo } from './lifecycle/info';
export type { Fault } from './contract';
export { clearFaults, injectFaults } from './lifecycle/inject';
export { defaultSandboxFolder } from './lifecycle/paths';
export { SANDBOX_BUCKET, SANDBOX_REGION } from './lifecycle/settings';
