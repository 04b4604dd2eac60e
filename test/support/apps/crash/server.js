'use strict';
console.error('crash: the database password is missing, so the service cannot start');
process.exit(1);
