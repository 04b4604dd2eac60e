'use strict';
const http = require('node:http');

const { BASCULE_VERSION, BASCULE_COLOUR, BASCULE_INSTANCE_ID, PORT, HOST } = process.env;

let stopping = false;

const server = http.createServer((request, response) => {
  response.once('close', () => stopping && setImmediate(() => server.closeIdleConnections()));
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/health') return response.end('ok');
  const answer = () =>
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        version: BASCULE_VERSION,
        colour: BASCULE_COLOUR,
        instance: BASCULE_INSTANCE_ID,
        pid: process.pid,
        environment: url.pathname === '/env' ? process.env : undefined,
      }),
    );
  if (url.pathname === '/slow') return setTimeout(answer, Number(url.searchParams.get('ms') ?? 1000));
  return answer();
});
server.listen(Number(PORT), HOST, () => console.log(`hello ${BASCULE_VERSION} listens on ${PORT}`));
process.on('SIGTERM', () => {
  stopping = true;
  server.close(() => process.exit(0));
});
