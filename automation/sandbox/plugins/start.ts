import { createRequire } from 'node:module';
import path from 'node:path';
import { keepCompiled } from '../../engine/compiled';

// The other ones answer the engine's SIGINT by an exit of their own; awsx is served by Pulumi's SDK, and dies of it.
keepCompiled(process.argv[2] === 'awsx' ? 'soon' : 'at-exit');
// By its path: the bundle is made of this folder, and so is no module that the compiler knows.
createRequire(__filename)(path.join(__dirname, '..', '..', '..', 'plugins', 'bascule-plugin.js'));
