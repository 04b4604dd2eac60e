'use strict';
// A release that does well at first: from its 300th request on it answers four of five with 500, healthy on its health path.
const http = require('node:http');

let asked = 0;
const server = http.createServer((request, response) => {
  const well = request.url.startsWith('/health') || (asked += 1) < 300 || asked % 5 === 0;
  response.writeHead(well ? 200 : 500, {
    'content-type': 'text/plain',
    'x-version': process.env.BASCULE_VERSION,
  });
  response.end(well ? 'ok\n' : 'no connections are left\n');
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`shop ${process.env.BASCULE_VERSION} listening on port ${process.env.PORT}`);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
