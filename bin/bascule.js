#!/usr/bin/env node
'use strict';
const { existsSync } = require('node:fs');
const path = require('node:path');

// Said once for each process otherwise; the versions in the lock file work with Node 20.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const main = path.join(__dirname, '..', 'dist', 'automation', 'cli', 'main.js');
if (existsSync(main)) {
  require('../dist/automation/engine/compiled.js').keepCompiled('at-exit');
  require(main);
} else {
  process.stderr.write(
    `bascule is not built yet: ${main} is missing.\n` +
      `Next: (cd ${JSON.stringify(path.join(__dirname, '..'))} && node scripts/run.mjs setup)\n`,
  );
  process.exitCode = 2;
}
