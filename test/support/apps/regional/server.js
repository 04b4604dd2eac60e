'use strict';
// Well everywhere but in the region that its version names, for example 2.0.0-in-eu-central-1: there it fails in traffic.
const http = require('node:http');

const { AWS_REGION, BASCULE_VERSION, PORT, HOST } = process.env;
const fails = BASCULE_VERSION.endsWith(`-in-${AWS_REGION}`);

http
  .createServer((request, response) => {
    response.setHeader('x-version', BASCULE_VERSION);
    if (fails && request.url !== '/health') response.statusCode = 500;
    response.end(JSON.stringify({ version: BASCULE_VERSION, region: AWS_REGION }));
  })
  .listen(Number(PORT), HOST, () => console.log(`regional ${BASCULE_VERSION} listens on ${PORT}`));
