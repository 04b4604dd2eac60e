'use strict';
// A release that starts and serves, but whose health check never passes.
const http = require('node:http');

const server = http.createServer((request, response) => {
  const healthy = !request.url.startsWith('/health') && request.url !== '/';
  response.writeHead(healthy ? 200 : 500, { 'content-type': 'text/plain' });
  response.end(healthy ? 'ok\n' : 'the connection to the database pool is exhausted\n');
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`shop ${process.env.BASCULE_VERSION} listening on port ${process.env.PORT}`);
  console.error('warning: the connection to the database pool is exhausted');
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
