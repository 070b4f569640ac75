/*
 * An endpoint that answers each request with its name, in all that a Service may speak:
 *   node server-main.ts NAME ADDRESS      HTTP/1.1 at port 8081, HTTP/2 without TLS at 8082, gRPC at 8083
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { say } from './grpc-service.ts';

const [name = '', address = ''] = process.argv.slice(2);
const host = address.includes(':') ? `[${address}]` : address;

createServer((request, response) => {
  const { 'x-forwarded-for': forwardedFor } = request.headers;
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ pod: name, forwardedFor }));
}).listen(8081, address);

createHttp2Server()
  .on('stream', (stream) => {
    // Whoever gave up its request does not wait for the answer.
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    // As long as it takes to fail by a removal that does not wait.
    setTimeout(() => stream.end(JSON.stringify({ pod: name })), 5);
  })
  .listen(8082, address);

const grpc = new Server();
grpc.addService(
  { say },
  { say: (_call: unknown, answer: (error: null, body: Buffer) => void) => answer(null, Buffer.from(name)) },
);
grpc.bindAsync(`${host}:8083`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  process.stdout.write('ready\n');
});
