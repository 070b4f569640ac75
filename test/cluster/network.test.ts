import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from './commands.ts';
import { Forwarder } from './forwarder.ts';
import { deleteLeftovers } from './namespaces.ts';
import { ClusterNetwork } from './network.ts';
import { ManagedProcess } from './processes.ts';

const root = process.getuid?.() === 0;

describe.skipIf(!root)('a cluster network of three nodes (needs root: network namespaces)', { timeout: 60_000 }, () => {
  let network: ClusterNetwork;
  let folder: string;
  beforeAll(async () => {
    network = await ClusterNetwork.create(3);
    folder = await mkdtemp(join(tmpdir(), 'nftproxy-network-'));
  }, 60_000);
  afterAll(async () => {
    await network.close();
    await rm(folder, { recursive: true });
  }, 60_000);

  /** TCP by bash, so that the test needs no ping: a refused connection proves that packets go both ways. */
  async function reach(namespace: string, address: string): Promise<string> {
    const script = 'if (exec 3<>/dev/tcp/$0/9) 2>&1; then echo open; fi';
    const { stdout } = await runCommand('ip', ['netns', 'exec', namespace, 'bash', '--norc', '-c', script, address]);
    return stdout;
  }

  test('pods on different nodes reach each other over IPv4 and IPv6', async () => {
    const a = await network.addPod('node-1', 'default/a');
    const b = await network.addPod('node-2', 'default/b');
    expect(a.addresses).toEqual({ ipv4: '10.244.1.2', ipv6: 'fd00:10:244:1::2' });
    expect(await reach(a.namespace, b.addresses.ipv4)).toContain('refused');
    expect(await reach(a.namespace, b.addresses.ipv6)).toContain('refused');
    expect(await reach(a.namespace, network.controlPlane.addresses.ipv4)).toContain('refused');
  });

  test('the client outside reaches nodes, but no pod', async () => {
    const pod = await network.addPod('node-3', 'default/c');
    const { namespace } = network.outside;
    expect(await reach(namespace, network.node('node-3').addresses.ipv6)).toContain('refused');
    expect(await reach(namespace, pod.addresses.ipv4)).toContain('unreachable');
  });

  test('a removed pod takes its processes and its link along, and its address is not given out next', async () => {
    const pod = await network.addPod('node-1', 'default/gone');
    const process = await ManagedProcess.start({
      namespace: pod.namespace,
      command: ['sleep', '1000'],
      env: { PATH: '/usr/bin:/bin' },
      logFile: join(folder, 'sleep.log'),
    });
    await network.removePod('node-1', 'default/gone');
    expect(await process.ended).toEqual({ exitCode: null, signal: 'SIGKILL' });
    const links = await network.exec(network.node('node-1').namespace, 'ip', ['-br', 'link']);
    expect(links).not.toContain('veth-gone');
    expect((await network.addPod('node-1', 'default/next')).addresses.ipv4).not.toBe(pod.addresses.ipv4);
  });

  test('a server on loopback of the host is reachable in the control-plane namespace through a unix socket', async () => {
    const server = createServer((_request, response) => response.end('hello from the host'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const path = join(folder, 'api.sock');
    const inside = new Forwarder({ path }, { host: '127.0.0.1', port: address.port });
    await inside.start();
    const door = await ManagedProcess.start({
      namespace: network.controlPlane.namespace,
      command: [process.execPath, join(import.meta.dirname, 'forwarder-main.ts'), path, '6443'],
      env: {},
      logFile: join(folder, 'door.log'),
    });
    const script = `
      const { setTimeout: sleep } = await import('node:timers/promises');
      for (let i = 0; i < 100; i++) {
        try { console.log(await (await fetch('http://172.30.0.2:6443')).text()); break; } catch { await sleep(50); }
      }`;
    const node = network.node('node-2').namespace;
    try {
      expect(await network.exec(node, process.execPath, ['-e', script])).toBe('hello from the host\n');
    } finally {
      await door.stop(1000);
      await inside.stop();
      server.close();
    }
  });

  test('a forwarder survives connections that are broken off on either side', async () => {
    const server = createTcpServer((socket) => socket.resetAndDestroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const path = join(folder, 'broken.sock');
    const toTcp = new Forwarder({ path }, { host: '127.0.0.1', port });
    const toUnix = new Forwarder({ host: '127.0.0.1', port: 0 }, { path });
    await toTcp.start();
    await toUnix.start();
    for (let index = 0; index < 5; index += 1) {
      const socket = connect({ host: '127.0.0.1', port: toUnix.port });
      const ended = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
      socket.write('x');
      await ended;
    }
    await toUnix.stop();
    await toTcp.stop();
    server.close();
  });

  test('a process sees its mounts and nobody else does', async () => {
    const logFile = join(folder, 'mounts.log');
    const seen = await ManagedProcess.start({
      namespace: network.node('node-1').namespace,
      command: ['ls', '/srv'],
      env: { PATH: '/usr/bin:/bin' },
      logFile,
      mounts: { '/srv': import.meta.dirname },
    });
    await seen.ended;
    expect(await readFile(logFile, 'utf8')).toContain('network.test.ts');
    expect(existsSync('/srv/network.test.ts')).toBe(false);
  });

  test('a process limited to NET_ADMIN may change the network, not mount, nor write sysctls or files', async () => {
    const logFile = join(folder, 'capabilities.log');
    const limited = await ManagedProcess.start({
      namespace: network.node('node-1').namespace,
      command: [
        'sh',
        '-c',
        'ip link add v0 type veth peer name v1 && echo added; mount -t tmpfs x /mnt; echo 0 > /proc/sys/net/ipv4/ip_forward; echo x > /x',
      ],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      logFile,
      capabilities: ['net_admin'],
      readOnlyRoot: true,
    });
    await limited.ended;
    const log = await readFile(logFile, 'utf8');
    expect(log).toContain('added');
    expect(log).toMatch(/mount: .*(permission denied|must be superuser)/);
    expect(log).toMatch(/cannot create .*ip_forward: Read-only/);
    expect(log).toMatch(/cannot create \/x: Read-only/);
  });

  test('a process that ignores SIGTERM is killed after its grace period', async () => {
    const logFile = join(folder, 'stubborn.log');
    const stubborn = await ManagedProcess.start({
      command: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'],
      env: { PATH: '/usr/bin:/bin' },
      logFile,
    });
    await expect.poll(() => readFile(logFile, 'utf8')).toContain('ready');
    expect(await stubborn.stop(200)).toEqual({ exitCode: null, signal: 'SIGKILL' });
  });

  test('namespaces of a run that died are removed by the next one, those of a living run are not', async () => {
    const deadPid = spawnSync('true').pid;
    const name = `nftproxy-${deadPid}-1-node-1`;
    await runCommand('ip', ['netns', 'add', name]);
    expect(await deleteLeftovers()).toContain(name);
    expect(existsSync(`/run/netns/${network.nodes[0]!.namespace}`)).toBe(true);
  });
});
