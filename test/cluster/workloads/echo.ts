/*
 * The image `echo`: an HTTP server that tells who answered and whom it saw. Settings: PORT (8080).
 * On SIGTERM it does what a well-behaved server does: it goes on accepting for a moment (others still learn that it is
 * going), then finishes what is under way and ends.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than a busy machine takes to tell everybody that this pod is going: 5.2 s were seen at a load of 17. */
const acceptAfterSigtermMilliseconds = 7000;
const pod = process.env['HOSTNAME'] ?? '';
const node = process.env['NODE_NAME'] ?? '';
const port = Number(process.env['PORT'] ?? 8080);

const server = createServer((request, response) => {
  const client = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const wait = Number(new URL(request.url ?? '/', 'http://echo').searchParams.get('wait') ?? 0);
  const answer = (): void => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ pod, node, client, clientPort: request.socket.remotePort }) + '\n');
  };
  if (wait > 0) setTimeout(answer, wait);
  else answer();
});
server.keepAliveTimeout = 60_000;
server.listen(port, '::', () => console.log(`${pod} on ${node} answers on port ${port}`));

async function leave(): Promise<void> {
  console.log(`${new Date().toISOString()} SIGTERM: leaving`);
  await sleep(acceptAfterSigtermMilliseconds);
  console.log(`${new Date().toISOString()} no new connections`);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
process.once('SIGTERM', () => void leave());
