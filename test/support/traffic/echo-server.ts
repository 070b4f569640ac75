// Usage: node echo-server.ts '[{"protocol":"tcp","address":"10.0.1.2","port":8080}]'
// Answers every connection and every line (TCP) or datagram (UDP) with one line:
//   {"server":"10.0.1.2:8080","client":"10.0.0.5:3456"}
// Prints "ready" once all listen. A TCP connection stays open until the client ends it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import type { Listener } from '../traffic.ts';
import { endpoint } from './endpoint.ts';

function answer(server: string, client: string): string {
  return `${JSON.stringify({ server, client })}\n`;
}

function serveConnection(socket: Socket): void {
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  const line = answer(endpoint(localAddress, localPort), endpoint(remoteAddress, remotePort));
  // A client that is gone before it read the answer is no trouble of the server.
  socket.on('error', () => socket.destroy());
  socket.on('data', () => socket.write(line));
  socket.on('end', () => socket.end());
  socket.write(line);
}

async function listen({ protocol, address, port }: Listener): Promise<void> {
  if (protocol === 'tcp') {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, serveConnection);
    server.listen({ host: address, port, backlog: 1024, ipv6Only: address.includes(':') });
    await once(server, 'listening');
    return;
  }
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only: address.includes(':') });
  socket.on('message', (_, from) => {
    socket.send(answer(endpoint(address, port), endpoint(from.address, from.port)), from.port, from.address);
  });
  socket.bind({ address, port });
  await once(socket, 'listening');
}

await Promise.all((JSON.parse(process.argv[2] ?? '[]') as Listener[]).map(listen));
process.stdout.write('ready\n');
