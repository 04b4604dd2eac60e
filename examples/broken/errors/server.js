'use strict';
// A release that is healthy on its health path, and answers four of five requests for anything else with 500.
const http = require('node:http');

let asked = 0;
const server = http.createServer((request, response) => {
  const healthy = request.url.startsWith('/health') || (asked += 1) % 5 === 0;
  response.writeHead(healthy ? 200 : 500, {
    'content-type': 'text/plain',
    'x-version': process.env.BASCULE_VERSION,
  });
  response.end(healthy ? 'ok\n' : 'the price list is empty\n');
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`shop ${process.env.BASCULE_VERSION} listening on port ${process.env.PORT}`);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
