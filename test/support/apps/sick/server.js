'use strict';
const http = require('node:http');

const { BASCULE_VERSION, PORT, HOST } = process.env;

http
  .createServer((request, response) => {
    if (request.url === '/health') {
      console.error('sick: health check answered with 500');
      response.statusCode = 500;
      return response.end('the cache is not reachable');
    }
    return response.end(JSON.stringify({ version: BASCULE_VERSION }));
  })
  .listen(Number(PORT), HOST, () => console.log(`sick ${BASCULE_VERSION} listens on ${PORT}`));
