import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HealthCheckNodePorts } from './health-check-node-ports.ts';
import { listen } from '../../runtime/index.ts';
import { ManualClock } from '../../runtime/testing/index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const stop = (server: Server) => new Promise((resolve) => server.close(resolve));

/** A port that is free now, or occupied by the server that is returned with it. */
async function occupiedPort(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await listen(server, { host: '127.0.0.1', port: 0 });
  return { port: (server.address() as AddressInfo).port, server };
}
async function freePort(): Promise<number> {
  const { port, server } = await occupiedPort();
  await stop(server);
  return port;
}

function rig(addresses = ['127.0.0.1']) {
  const clock = new ManualClock();
  const state = { healthy: true, addresses };
  const failures: string[] = [];
  const ports = new HealthCheckNodePorts({
    addresses: () => state.addresses,
    proxyHealthy: () => state.healthy,
    onBindFailure: ({ namespace, name }, error) => void failures.push(`${namespace}/${name}: ${error.message}`),
    clock,
  });
  cleanups.push(() => ports.close());
  return { clock, state, failures, ports };
}

describe('health-check node ports', () => {
  test('a node with ready local endpoints answers 200 on any path, with the weight', async () => {
    const { ports } = rig();
    const port = await freePort();
    await ports.update(new Map([['default/web', { port, localReadyEndpoints: 3 }]]));
    for (const path of ['/', '/healthz', '/any/thing?x']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('x-load-balancing-endpoint-weight')).toBe('3');
      expect(await response.json()).toEqual({
        service: { namespace: 'default', name: 'web' },
        localEndpoints: 3,
        serviceProxyHealthy: true,
      });
    }
  });

  test('without local endpoints, or with a proxy that cannot sync, the answer is 503', async () => {
    const { ports, state } = rig();
    const port = await freePort();
    await ports.update(new Map([['default/web', { port, localReadyEndpoints: 0 }]]));
    let response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { localEndpoints: 0, serviceProxyHealthy: true },
    ]);
    await ports.update(new Map([['default/web', { port, localReadyEndpoints: 1 }]]));
    state.healthy = false;
    response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { localEndpoints: 1, serviceProxyHealthy: false },
    ]);
  });

  test('a deleted Service’s port is closed, another Service may take it over without a gap', async () => {
    const { ports } = rig();
    const port = await freePort();
    await ports.update(new Map([['default/old', { port, localReadyEndpoints: 1 }]]));
    await ports.update(new Map([['default/new', { port, localReadyEndpoints: 2 }]]));
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.json()).toMatchObject({ service: { name: 'new' }, localEndpoints: 2 });
    await ports.update(new Map());
    expect([...ports.open()]).toEqual([]);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('the ports follow the node’s addresses', async () => {
    const { ports, state } = rig();
    const port = await freePort();
    await ports.update(new Map([['default/web', { port, localReadyEndpoints: 1 }]]));
    state.addresses = ['127.0.0.2', '::1'];
    await ports.addressesChanged();
    expect((await fetch(`http://127.0.0.2:${port}/`)).status).toBe(200);
    expect((await fetch(`http://[::1]:${port}/`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('all addresses of both families can be served', async () => {
    const { ports, failures } = rig(['0.0.0.0', '::']);
    const port = await freePort();
    await ports.update(new Map([['default/web', { port, localReadyEndpoints: 1 }]]));
    expect(failures).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    expect((await fetch(`http://[::1]:${port}/`)).status).toBe(200);
  });

  test('a taken port is reported once, tried again, and taken when free; others are not held up', async () => {
    const { ports, failures, clock } = rig();
    const { port, server } = await occupiedPort();
    const other = await freePort();
    const services = new Map([
      ['default/bad', { port, localReadyEndpoints: 1 }],
      ['default/good', { port: other, localReadyEndpoints: 1 }],
    ]);
    await ports.update(services);
    await clock.advance(30_000);
    await ports.addressesChanged();
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(/^default\/bad: cannot serve the health check of a Service on .*EADDRINUSE/);
    expect((await fetch(`http://127.0.0.1:${other}/`)).status).toBe(200);
    await stop(server);
    await clock.advance(30_000);
    await ports.addressesChanged();
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  });

  test('many changes in a row end in the last state', async () => {
    const { ports, failures } = rig();
    const port = await freePort();
    const some = new Map([['default/web', { port, localReadyEndpoints: 1 }]]);
    for (let n = 0; n < 20; n++) void ports.update(n % 2 === 0 ? some : new Map());
    await ports.update(some);
    expect([...ports.open()]).toEqual([{ host: '127.0.0.1', port }]);
    expect(failures).toEqual([]);
  });
});
