'use strict';
// Healthy until it is asked to sicken; what it is asked for it answers all the same.
const http = require('node:http');

const { BASCULE_VERSION, PORT, HOST } = process.env;

let sick = false;

http
  .createServer((request, response) => {
    response.setHeader('x-version', BASCULE_VERSION);
    if (request.url === '/sicken') {
      sick = true;
      console.error('fickle: asked to sicken; the health check answers 500 from now on');
    }
    if (request.url === '/health' && sick) response.statusCode = 500;
    response.end(JSON.stringify({ version: BASCULE_VERSION, sick }));
  })
  .listen(Number(PORT), HOST, () => console.log(`fickle ${BASCULE_VERSION} listens on ${PORT}`));
