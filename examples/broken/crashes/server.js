'use strict';
// A release that cannot start: it misses a setting that the one before did not need.
console.log(`shop ${process.env.BASCULE_VERSION} starting on port ${process.env.PORT}`);
console.error('Error: DATABASE_URL is not set');
process.exit(1);
