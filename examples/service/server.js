'use strict';
const { createHmac } = require('node:crypto');
const http = require('node:http');
const { setTimeout: pause } = require('node:timers/promises');
const { URLSearchParams } = require('node:url');

const {
  PORT = '8080',
  HOST,
  BASCULE_SERVICE = 'example',
  BASCULE_VERSION = 'dev',
  BASCULE_COLOUR = 'none',
  BASCULE_INSTANCE_ID = 'local',
  EXAMPLE_PASSWORD = 'open sesame',
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

/** Who is logged in, signed, so that every instance knows it without asking another. */
const sessionOf = (name) =>
  `${encodeURIComponent(name)}.${createHmac('sha256', EXAMPLE_PASSWORD).update(name).digest('hex')}`;

/** POST /login with the fields name and password: a cookie, and on to the customers. */
async function login(request, response) {
  let body = '';
  for await (const chunk of request) if (body.length < 10_000) body += chunk;
  const fields = new URLSearchParams(body);
  const name = fields.get('name') ?? '';
  if (name === '' || fields.get('password') !== EXAMPLE_PASSWORD)
    return sendJson(response, 401, { error: 'wrong name or password' });
  response.setHeader('set-cookie', `session=${sessionOf(name)}; Path=/; HttpOnly; SameSite=Lax`);
  response.writeHead(303, { location: '/customers' });
  response.end();
}

function isLoggedIn(request) {
  const session = /(?:^|; )session=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
  return session !== '' && session === sessionOf(decodeURIComponent(session.split('.')[0]));
}

const CUSTOMERS = [
  'Ada Lovelace',
  'Alan Turing',
  'Barbara Liskov',
  'Edsger Dijkstra',
  'Grace Hopper',
  'Ken Thompson',
];
const PAGE_LENGTH = 3;

/** GET /customers?page=N, for who is logged in: three of them, and where the next ones are. */
function customers(url, request, response) {
  if (!isLoggedIn(request)) return sendJson(response, 401, { error: 'log in first' });
  const page = Math.max(1, Math.trunc(Number(url.searchParams.get('page') ?? 1)) || 1);
  const rest = CUSTOMERS.slice((page - 1) * PAGE_LENGTH);
  const next = rest.length > PAGE_LENGTH ? `/customers?page=${page + 1}` : null;
  const found = rest.slice(0, PAGE_LENGTH).map((name) => ({ name }));
  return sendJson(response, 200, { page, customers: found, next });
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://service');
  response.setHeader('x-version', BASCULE_VERSION);
  // A stopping server answers what it was asked, and asks the load balancer to use another connection next.
  if (stopping) response.setHeader('connection', 'close');
  if (url.pathname === '/login' && request.method === 'POST') return login(request, response);
  // The body is read, if there is one, so that the connection can be used again.
  request.resume();
  if (url.pathname === '/') return sendJson(response, 200, identity());
  if (url.pathname === '/health') return sendJson(response, 200, { status: 'ok', version: BASCULE_VERSION });
  if (url.pathname === '/customers') return customers(url, request, response);
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
