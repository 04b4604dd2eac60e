'use strict';
const http = require('node:http');
const { setTimeout: pause } = require('node:timers/promises');

const {
  PORT = '8080',
  HOST,
  BASCULE_SERVICE = 'example',
  BASCULE_VERSION = 'dev',
  BASCULE_COLOUR = 'none',
  BASCULE_INSTANCE_ID = 'local',
} = process.env;

const MOST_SECONDS = 30;
let stopping = false;

const identity = () => ({
  service: BASCULE_SERVICE,
  version: BASCULE_VERSION,
  colour: BASCULE_COLOUR,
  instance: BASCULE_INSTANCE_ID,
});

function sendJson(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** GET /slow?seconds=N: answers after N seconds, at most 30, as a report or an upload would. */
async function slow(url, response) {
  const seconds = Number(url.searchParams.get('seconds') ?? 1);
  if (!(seconds >= 0)) return sendJson(response, 400, { error: 'seconds must be a number of at least 0' });
  await pause(Math.min(seconds, MOST_SECONDS) * 1000);
  return sendJson(response, 200, { ...identity(), waited: Math.min(seconds, MOST_SECONDS) });
}

/** GET /stream?seconds=N: one line every 100 ms, 3 seconds long unless told otherwise. */
async function stream(url, response) {
  const seconds = Math.min(Number(url.searchParams.get('seconds') ?? 3) || 3, MOST_SECONDS);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  for (let line = 0; line < seconds * 10 && !response.destroyed; line += 1) {
    response.write(`${JSON.stringify({ ...identity(), line })}\n`);
    await pause(100);
  }
  response.end();
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://service');
  response.setHeader('x-version', BASCULE_VERSION);
  // A stopping server answers what it was asked, and asks the load balancer to use another connection next.
  if (stopping) response.setHeader('connection', 'close');
  // The body is read, if there is one, so that the connection can be used again.
  request.resume();
  if (url.pathname === '/') return sendJson(response, 200, identity());
  if (url.pathname === '/health') return sendJson(response, 200, { status: 'ok', version: BASCULE_VERSION });
  if (url.pathname === '/slow') return slow(url, response);
  if (url.pathname === '/stream') return stream(url, response);
  return sendJson(response, 404, { error: `nothing at ${url.pathname}` });
}

const server = http.createServer((request, response) => {
  // While stopping, a connection is closed as soon as its last answer is out.
  response.once('close', () => stopping && setImmediate(() => server.closeIdleConnections()));
  handle(request, response).catch((error) => {
    console.error(error);
    response.destroy(error);
  });
});
// Longer than the load balancer's idle timeout of 60 s: it must be the load balancer that closes a connection
// that is not used, or it may send a request into one that the service closes at the same moment.
server.keepAliveTimeout = 75_000;
server.listen(Number(PORT), HOST, () => console.log(`${BASCULE_SERVICE} ${BASCULE_VERSION} on port ${PORT}`));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    console.log(`${signal}: finishing what is under way`);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
