import { createServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';
import { formatBindAddress, HttpListener, listen, parseBindAddress } from './http-listener.ts';
import { ManualClock } from './testing/index.ts';

// The machine that runs this may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('addresses to listen on', () => {
  test.each(['0.0.0.0:10256', '127.0.0.1:0', '[::]:10256', '[fd00::1]:65535'])('%s is understood', (text) => {
    expect(formatBindAddress(parseBindAddress(text))).toBe(text);
  });

  test.each(['', '10256', ':10256', '::1:10256', '0.0.0.0:70000', '0.0.0.0:-1', '[::]', 'a b:1'])(
    '"%s" is refused',
    (text) => {
      expect(() => parseBindAddress(text)).toThrow('is not an address to listen on');
    },
  );
});

describe('an HTTP listener', () => {
  test('says once that its port is taken, and takes it when it becomes free', async () => {
    const occupant = createServer();
    await listen(occupant, { host: '127.0.0.1', port: 0 });
    const { port } = occupant.address() as { port: number };
    const clock = new ManualClock();
    const failures: string[] = [];
    let listening: (() => void) | undefined;
    const bound = new Promise<void>((resolve) => (listening = resolve));
    const listener = new HttpListener({
      purpose: 'health',
      bind: { host: '127.0.0.1', port },
      handler: (_request, response) => void response.end('ok'),
      onBindFailure: (error) => void failures.push(error.message),
      onListening: () => listening?.(),
      clock,
    });
    expect(await listener.start()).toBe(false);
    expect(await listener.start()).toBe(false);
    expect(failures).toEqual([
      `cannot serve health on 127.0.0.1:${port}: another process uses this port ` +
        '(a kube-proxy that still runs on the node?) (EADDRINUSE)',
    ]);
    expect(listener.failure).toBe(failures[0]);
    await new Promise((resolve) => occupant.close(resolve));
    await clock.advance(5000);
    await bound;
    expect(listener.failure).toBeUndefined();
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
    await listener.close();
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  test('tries no more once it is closed', async () => {
    const failures: string[] = [];
    const clock = new ManualClock();
    const listener = new HttpListener({
      purpose: 'metrics',
      bind: { host: '192.0.2.1', port: 1 },
      handler: () => undefined,
      onBindFailure: (error) => void failures.push(error.message),
      clock,
    });
    await listener.start();
    await listener.close();
    expect(clock.waiting).toBe(0);
    expect(failures).toEqual(['cannot serve metrics on 192.0.2.1:1: this node has no such address (EADDRNOTAVAIL)']);
  });

  test('is not kept alive by a client that never hangs up', async () => {
    const listener = new HttpListener({
      purpose: 'health',
      bind: { host: '127.0.0.1', port: 0 },
      handler: (_request, response) => void response.write('endless'),
      onBindFailure: (error) => expect.fail(error.message),
      clock: systemClock,
    });
    await listener.start();
    const response = await fetch(`http://127.0.0.1:${listener.address!.port}/`);
    await listener.close();
    await expect(response.text()).rejects.toThrow();
  });
});
