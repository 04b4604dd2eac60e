export { doctor, isReady, renderDoctor } from './doctor';
export type { Component } from './doctor';
export { ENGINE_VERSION, engineFolder, ensureEngine, findEngine } from './engine';
export type { Engine, EngineOptions, Source } from './engine';
export { cacheFolder, projectFolder } from './folders';
export { linesTo, silent } from './progress';
export type { Progress, Task } from './progress';
export { ensureLintPython, ensurePython, findPython } from './python';
export type { PythonOptions, SandboxPython } from './python';
