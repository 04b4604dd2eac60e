'use strict';
// Always healthy on its health path; how it does otherwise is told by the suffix of its version, for example 2.0.0-errors.
const http = require('node:http');
const { setTimeout: delay } = require('node:timers/promises');

const { BASCULE_VERSION, PORT, HOST } = process.env;
const mood = (BASCULE_VERSION ?? '').split('-')[1] ?? 'well';

/** Until it is told to, a release that wears out does as well as any other. */
let worn = false;
/** Exactly four of five, so that a share can be computed. */
let asked = 0;

const fails = () => (mood === 'errors' || worn) && (asked += 1) % 5 !== 0;

http
  .createServer(async (request, response) => {
    response.setHeader('x-version', BASCULE_VERSION);
    if (request.url === '/health') return response.end('well');
    if (request.url === '/wear-out' && request.method === 'POST') worn = true;
    else if (fails()) response.statusCode = 500;
    else if (mood === 'slow') await delay(120);
    else await delay(5);
    return response.end(JSON.stringify({ version: BASCULE_VERSION, status: response.statusCode }));
  })
  .listen(Number(PORT), HOST, () => console.log(`moody ${BASCULE_VERSION} (${mood}) listens on ${PORT}`));
