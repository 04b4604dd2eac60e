import { createRequire } from 'node:module';
import path from 'node:path';
import { keepCompiled } from '../../engine/compiled';

keepCompiled('soon');
// By its path: the bundle is made of this folder, and so is no module that the compiler knows.
createRequire(__filename)(path.join(__dirname, '..', '..', '..', 'plugins', 'bascule-plugin.js'));
