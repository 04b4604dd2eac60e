'use strict';
// Answers at once, or after a while (/slow), or takes a WebSocket and keeps it.
const { createHash } = require('node:crypto');
const http = require('node:http');

const { BASCULE_VERSION, PORT, HOST } = process.env;
const SLOW_MS = 4_000;

const server = http.createServer((request, response) => {
  response.setHeader('x-version', BASCULE_VERSION);
  const answer = () => response.end(JSON.stringify({ version: BASCULE_VERSION }));
  if (request.url === '/slow') setTimeout(answer, SLOW_MS);
  else answer();
});

server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.on('error', () => socket.destroy());
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
});

server.listen(Number(PORT), HOST, () => console.log(`lingering ${BASCULE_VERSION} listens on ${PORT}`));
