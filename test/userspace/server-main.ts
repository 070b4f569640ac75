/*
 * An endpoint that answers each request with its name, in all that a Service may speak:
 *   node server-main.ts NAME ADDRESS      HTTP/1.1 at port 8081, HTTP/2 without TLS at 8082, gRPC at 8083
 * What asks for /slow/1500 waits 1500 ms for its answer; what asks for /processing over HTTP/1.1 is told first that it is (102).
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { say } from './grpc-service.ts';

const [name = '', address = ''] = process.argv.slice(2);
const host = address.includes(':') ? `[${address}]` : address;

/** How long an answer to this path is waited for. */
function millisecondsFor(path: string, usual = 0): number {
  const [, slow] = /^\/slow\/(\d+)$/.exec(path) ?? [];
  return slow === undefined ? usual : Number(slow);
}

createServer((request, response) => {
  const { 'x-forwarded-for': forwardedFor } = request.headers;
  const body = JSON.stringify({ pod: name, forwardedFor });
  if (request.url === '/processing') response.writeProcessing();
  response.setHeader('content-type', 'application/json');
  setTimeout(() => response.end(body), millisecondsFor(request.url ?? ''));
}).listen(8081, address);

createHttp2Server()
  .on('stream', (stream, { ':path': path }) => {
    // Whoever gave up its request does not wait for the answer.
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    // As long as it takes to fail by a removal that does not wait.
    setTimeout(() => stream.end(JSON.stringify({ pod: name })), millisecondsFor(path ?? '', 5));
  })
  .listen(8082, address);

const grpc = new Server();
grpc.addService(
  { say },
  {
    say: ({ request }: { request: Buffer }, answer: (error: null, body: Buffer) => void) => {
      setTimeout(() => answer(null, Buffer.from(name)), millisecondsFor(String(request)));
    },
  },
);
grpc.bindAsync(`${host}:8083`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  process.stdout.write('ready\n');
});
