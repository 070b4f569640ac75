import { afterEach, describe, expect, test, vi } from 'vitest';
import { HttpListener, systemClock } from '../../runtime/index.ts';
import { ProxyHealth } from './health.ts';
import { healthHandler } from './health-server.ts';
import { ManualClock } from '../../runtime/testing/index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const listeners: HttpListener[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

async function rig() {
  const clock = new ManualClock();
  const health = new ProxyHealth({ clock, timeoutMilliseconds: 60_000, families: [4, 6] });
  const faults: string[] = [];
  const counted: string[] = [];
  const counters = {
    healthzAnswered: (code: number) => void counted.push(`healthz ${code}`),
    livezAnswered: (code: number) => void counted.push(`livez ${code}`),
  };
  const listener = new HttpListener({
    purpose: 'health',
    bind: { host: '127.0.0.1', port: 0 },
    handler: healthHandler({ health, readiness: { faults: () => faults }, clock, counters }),
    onBindFailure: (error) => expect.fail(error.message),
    clock: systemClock,
  });
  listeners.push(listener);
  await listener.start();
  const get = (path: string) => fetch(`http://127.0.0.1:${listener.address!.port}${path}`);
  return { clock, health, faults, counted, get };
}

describe('health over HTTP', () => {
  test('a starting proxy is healthy and alive, in kube-proxy’s words', async () => {
    const { get, counted } = await rig();
    const healthz = await get('/healthz');
    expect(healthz.status).toBe(200);
    expect(healthz.headers.get('content-type')).toBe('application/json');
    expect(healthz.headers.get('x-content-type-options')).toBe('nosniff');
    const family = { lastUpdated: '0001-01-01T00:00:00Z', healthy: true };
    expect(await healthz.json()).toEqual({
      lastUpdated: '2026-01-01T00:00:00.000Z',
      currentTime: '2026-01-01T00:00:00.000Z',
      nodeEligible: true,
      healthy: true,
      status: { IPv4: family, IPv6: family },
    });
    const livez = await get('/livez');
    expect(livez.status).toBe(200);
    expect(await livez.json()).not.toHaveProperty('nodeEligible');
    expect(counted).toEqual(['healthz 200', 'livez 200']);
  });

  test('a proxy that cannot sync is neither healthy nor alive, and says since when and in which family', async () => {
    const { get, clock, health, counted } = await rig();
    health.synced(4);
    health.synced(6);
    health.queuedUpdate(6);
    await clock.advance(60_000);
    const healthz = await get('/healthz');
    expect(healthz.status).toBe(503);
    expect(await healthz.json()).toMatchObject({
      lastUpdated: '2026-01-01T00:00:00.000Z',
      currentTime: '2026-01-01T00:01:00.000Z',
      healthy: false,
      status: { IPv4: { healthy: true }, IPv6: { healthy: false } },
    });
    expect((await get('/livez')).status).toBe(503);
    expect(counted).toEqual(['healthz 503', 'livez 503']);
  });

  test('a node that is being removed is unhealthy for load balancers but alive, so it is not restarted', async () => {
    const { get, health } = await rig();
    health.setNodeEligible(false);
    const healthz = await get('/healthz?verbose');
    expect(healthz.status).toBe(503);
    expect(await healthz.json()).toMatchObject({ nodeEligible: false, healthy: false });
    const livez = await get('/livez');
    expect(livez.status).toBe(200);
    expect(await livez.json()).toMatchObject({ healthy: true });
  });

  test('an agent that is not ready says why, one reason a line, and is alive', async () => {
    const { get, faults } = await rig();
    faults.push('no', 'and no');
    const answer = await get('/readyz');
    expect([answer.status, await answer.text()]).toEqual([503, 'no\nand no\n']);
    expect((await get('/livez')).status).toBe(200);
    faults.length = 0;
    const ready = await get('/readyz');
    expect([ready.status, await ready.text()]).toEqual([200, 'ok\n']);
  });

  test('a liveness probe that leaves out whether it keeps up fails only when a sync hangs', async () => {
    const { get, clock, health } = await rig();
    health.syncStarted(4);
    health.failed(4, 'EINVAL');
    await clock.advance(600_000);
    expect((await get('/livez')).status).toBe(503);
    const alive = await get('/livez?exclude=keeps-up');
    expect([alive.status, await alive.json()]).toMatchObject([
      200,
      { healthy: true, status: { IPv4: { healthy: false } } },
    ]);
    health.syncStarted(4);
    await clock.advance(600_000);
    expect((await get('/livez?exclude=keeps-up')).status).toBe(503);
  });

  test('other paths are not found', async () => {
    const { get, counted } = await rig();
    expect((await get('/')).status).toBe(404);
    expect(counted).toEqual([]);
  });
});
