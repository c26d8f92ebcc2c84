import { createServer } from 'node:http';
import { armArguments } from './arm-arguments.js';

/** The bare HTTP server whose rate tells whether the machine is as fast now as it was a moment ago. */
createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end('{"status":"ok"}');
  });
}).listen(armArguments().port, '127.0.0.1');
