/*
 * Servers that answer every connection and every line (TCP) or datagram (UDP) with one line:
 *   {"server":"10.0.1.2:8080","client":"10.0.0.5:3456"}
 * A TCP connection stays open until the client ends it.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import type { Listener } from './protocol.ts';

type Close = () => Promise<void>;
const servers = new Map<number, readonly Close[]>();
let lastServer = 0;

/** Listens everywhere; resolves with a number for {@link closeServer}. */
export async function serve(listeners: readonly Listener[]): Promise<number> {
  const closers = await Promise.all(
    listeners.map((listener) => (listener.protocol === 'tcp' ? listenTcp(listener) : listenUdp(listener))),
  );
  const id = ++lastServer;
  servers.set(id, closers);
  return id;
}

/** Ends the listeners, breaking their connections. */
export async function closeServer(id: number): Promise<void> {
  const closers = servers.get(id) ?? [];
  servers.delete(id);
  await Promise.all(closers.map((close) => close()));
}

async function listenTcp({ address, port }: Listener): Promise<Close> {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    serveConnection(socket);
  });
  server.listen({ host: address, port, backlog: 1024, ipv6Only: address.includes(':') });
  await once(server, 'listening');
  return async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of connections) socket.resetAndDestroy();
    await closed;
  };
}

async function listenUdp({ address, port }: Listener): Promise<Close> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only: address.includes(':') });
  socket.on('message', (_, from) => {
    socket.send(answer(endpoint(address, port), endpoint(from.address, from.port)), from.port, from.address);
  });
  socket.bind({ address, port });
  await once(socket, 'listening');
  return async () => {
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  };
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

function answer(server: string, client: string): string {
  return `${JSON.stringify({ server, client })}\n`;
}

/** `10.0.0.1:80` or `[fd00::1]:80`. */
function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
