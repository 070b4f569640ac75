import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Family, Protocol, ServicePort } from '../../services/index.ts';
import { listen, systemClock } from '../../runtime/index.ts';
import { LocalhostNodePorts } from './localhost-node-ports.ts';
import { ManualClock } from '../../runtime/testing/index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Stands for the node port at the node's primary address, 127.0.0.2 here. */
async function nodePort(serve: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await listen(server, { host: '127.0.0.2', port: 0 });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, server };
}

function servicePort(port: number, family: Family = 4, protocol: Protocol = 'tcp'): ServicePort {
  return {
    id: `default/web:/${protocol}/${family}`,
    namespace: 'default',
    name: 'web',
    portName: '',
    protocol,
    family,
    frontends: [
      { kind: 'ClusterIP', address: family === 4 ? '10.0.0.1' : 'fd00::1', port: 80, policy: 'Cluster' },
      { kind: 'NodePort', port, policy: 'Cluster' },
    ],
    clusterEndpoints: [],
    localEndpoints: [],
    otherServingEndpoints: [],
    hasAnyEndpoints: true,
    algorithm: 'random',
  };
}

function rig(o: { manual?: boolean } = {}) {
  const failures: string[] = [];
  const connections: string[] = [];
  const node: { primary: string | undefined } = { primary: '127.0.0.2' };
  const clock = new ManualClock();
  const ports = new LocalhostNodePorts({
    primaryAddress: () => node.primary,
    onBindFailure: (family, _bind, error) => void failures.push(`IPv${family} ${error.message}`),
    onConnection: (result) => void connections.push(result),
    clock: o.manual ? clock : systemClock,
  });
  cleanups.push(() => ports.close());
  const open = async (...all: ServicePort[]) => {
    for (const port of all) ports.changed(port.id, port);
    await ports.apply();
  };
  return { failures, connections, node, clock, ports, open };
}

const client = (port: number, host = '127.0.0.1') => connect({ host, port, allowHalfOpen: true });

describe('node ports on the loopback addresses', () => {
  test('a TCP node port is reached on 127.0.0.1 and ::1, and closed when the Service goes', async () => {
    const { port } = await nodePort((socket) => socket.end('hello'));
    const { ports, open, connections } = rig();
    await open(servicePort(port, 4), servicePort(port, 6));
    expect([ports.listening(4), ports.listening(6)]).toEqual([1, 1]);
    expect(await text(client(port))).toBe('hello');
    expect(await text(client(port, '::1'))).toBe('hello');
    expect(connections).toEqual(['forwarded', 'forwarded']);
    expect(ports.changed('default/web:/tcp/4', undefined)).toBe(true);
    await ports.apply();
    await expect(once(client(port), 'connect')).rejects.toThrow('ECONNREFUSED');
    expect([ports.listening(4), ports.listening(6)]).toEqual([0, 1]);
  });

  test('UDP and SCTP node ports are not served', async () => {
    const { ports, open } = rig();
    await open(servicePort(30080, 4, 'udp'), servicePort(30081, 4, 'sctp'));
    expect(ports.listening(4)).toBe(0);
  });

  test('a change that does not touch the node ports says so', () => {
    const { ports } = rig();
    const before = servicePort(30080);
    expect(ports.changed(before.id, before)).toBe(true);
    expect(ports.changed(before.id, { ...before, hasAnyEndpoints: false })).toBe(false);
    expect(ports.changed(before.id, servicePort(30081))).toBe(true);
    expect(ports.changed(before.id, { ...before, frontends: [] })).toBe(true);
    expect(ports.changed('unknown', undefined)).toBe(false);
  });

  test('a client may end its half and still read the whole answer', async () => {
    const { port } = await nodePort((socket) => {
      void text(socket).then((question) => socket.end(`you said ${question}`));
    });
    const { open } = rig();
    await open(servicePort(port));
    const socket = client(port);
    socket.end('good bye');
    expect(await text(socket)).toBe('you said good bye');
  });

  test('a server may end its half and still read everything', async () => {
    const received = new Promise<string>((resolve) => {
      void nodePort((socket) => {
        socket.end('that is all');
        void text(socket).then(resolve);
      }).then(async ({ port }) => {
        const { open } = rig();
        await open(servicePort(port));
        const socket = client(port);
        expect(await text(socket)).toBe('that is all');
        socket.end('but I go on');
      });
    });
    expect(await received).toBe('but I go on');
  });

  test('megabytes pass unharmed in both directions', async () => {
    const { port } = await nodePort((socket) => void socket.pipe(socket));
    const { open } = rig();
    await open(servicePort(port));
    const socket = client(port);
    const data = randomBytes(8 << 20);
    socket.end(data);
    expect((await buffer(socket)).equals(data)).toBe(true);
  });

  test('a server that does not read makes the client wait instead of filling the agent’s memory', async () => {
    let accepted: Socket | undefined;
    const { port } = await nodePort((socket) => {
      accepted = socket;
      socket.pause();
    });
    const { open } = rig();
    await open(servicePort(port));
    const socket = client(port);
    let drained = false;
    socket.on('drain', () => (drained = true));
    socket.write(Buffer.alloc(64 << 20));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(drained).toBe(false);
    // What the kernel's socket buffers took is gone from the client; the agent must not have taken the rest.
    expect(socket.writableLength).toBeGreaterThan(0);
    accepted?.destroy();
    socket.on('error', () => undefined);
    socket.destroy();
  });

  test('a reset by the server reaches the client as a reset', async () => {
    const { port } = await nodePort((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const { open } = rig();
    await open(servicePort(port));
    const socket = client(port);
    socket.write('x');
    await expect(once(socket, 'end')).rejects.toThrow('ECONNRESET');
  });

  test('a reset by the client reaches the server as a reset', async () => {
    let failed: ((error: Error) => void) | undefined;
    const failure = new Promise<Error>((resolve) => (failed = resolve));
    const { port } = await nodePort((socket) => {
      socket.on('error', (error) => failed?.(error));
      socket.write('hello');
    });
    const { open } = rig();
    await open(servicePort(port));
    const socket = client(port);
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect((await failure).message).toContain('ECONNRESET');
  });

  test('a node port that rejects (no endpoints) resets the client', async () => {
    const { port, server } = await nodePort(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const { open } = rig();
    await open(servicePort(port));
    await expect(text(client(port))).rejects.toThrow('ECONNRESET');
  });

  test('a port that another process has is reported, the others are opened', async () => {
    const occupant = createServer();
    await listen(occupant, { host: '127.0.0.1', port: 0 });
    cleanups.push(() => new Promise((resolve) => occupant.close(resolve)));
    const { port } = occupant.address() as AddressInfo;
    const { open, failures, ports } = rig();
    await open(servicePort(port, 4), servicePort(port, 6));
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(/^IPv4 cannot serve a node port on 127\.0\.0\.1:\d+: another process .*EADDRINUSE/);
    expect([ports.listening(4), ports.listening(6)]).toEqual([0, 1]);
  });

  test('without a node address of the family nothing is opened, until there is one', async () => {
    const { port } = await nodePort((socket) => socket.end('hello'));
    const { node, ports, open } = rig();
    node.primary = undefined;
    await open(servicePort(port));
    expect(ports.listening(4)).toBe(0);
    node.primary = '127.0.0.2';
    await ports.apply();
    expect(await text(client(port))).toBe('hello');
  });

  test('established connections go on when the Service goes, and end with the agent', async () => {
    const { port, server } = await nodePort((socket) => void socket.pipe(socket));
    const { ports, open } = rig();
    await open(servicePort(port));
    const socket = client(port);
    socket.write('one');
    expect(String((await once(socket, 'data'))[0])).toBe('one');
    ports.changed('default/web:/tcp/4', undefined);
    await ports.apply();
    socket.write('two');
    expect(String((await once(socket, 'data'))[0])).toBe('two');
    const end = once(socket, 'end');
    await Promise.all([ports.close(), expect(end).rejects.toThrow('ECONNRESET')]);
    await expect
      .poll(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count))), { timeout: 5000 })
      .toBe(0);
  });

  test('connections beyond the limit are reset, and admitted again when others have ended', async () => {
    const { port } = await nodePort((socket) => void socket.pipe(socket));
    const { open, connections } = rig({ manual: true });
    await open(servicePort(port));
    const sockets: Socket[] = [];
    let resets = 0;
    // Not all at once: the kernel's queue of connections to accept is shorter.
    while (sockets.length < 1025) {
      for (let n = 0; n < 41; n++) {
        const socket = client(port);
        socket.on('error', () => resets++);
        sockets.push(socket);
      }
      await expect.poll(() => connections.length, { timeout: 20_000, interval: 5 }).toBe(sockets.length);
    }
    expect(connections.filter((result) => result === 'refused')).toHaveLength(1);
    await expect.poll(() => resets, { timeout: 20_000 }).toBe(1);
    for (const socket of sockets) socket.destroy();
    await expect
      .poll(
        async () => {
          const socket = client(port);
          socket.end('again');
          return text(socket).catch(() => 'reset');
        },
        { timeout: 20_000 },
      )
      .toBe('again');
  }, 60_000);
});
