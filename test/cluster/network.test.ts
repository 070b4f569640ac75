import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteLeftovers, Forwarder, ManagedProcess, runCommand } from '../support/index.ts';
import type { Namespace } from '../support/index.ts';
import { ClusterNetwork } from './network.ts';

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

  /** Nobody listens there: a refused connection proves that packets go both ways. */
  async function reach(space: Namespace, address: string): Promise<string | undefined> {
    const [answer] = await space.request({ protocol: 'tcp', address, port: 9 });
    return answer?.error;
  }

  test('pods on different nodes reach each other over IPv4 and IPv6', async () => {
    const a = await network.addPod('node-1', 'default/a');
    const b = await network.addPod('node-2', 'default/b');
    expect(a.addresses).toEqual({ ipv4: '10.244.1.2', ipv6: 'fd00:10:244:1::2' });
    expect(await reach(a.space, b.addresses.ipv4)).toBe('ECONNREFUSED');
    expect(await reach(a.space, b.addresses.ipv6)).toBe('ECONNREFUSED');
    expect(await reach(a.space, network.controlPlane.addresses.ipv4)).toBe('ECONNREFUSED');
  });

  test('the client outside reaches nodes, but no pod', async () => {
    const pod = await network.addPod('node-3', 'default/c');
    const { space } = network.outside;
    expect(await reach(space, network.node('node-3').addresses.ipv6)).toBe('ECONNREFUSED');
    expect(await reach(space, pod.addresses.ipv4)).toBe('ENETUNREACH');
  });

  test('a removed pod takes its processes and its link along, and its address is not given out next', async () => {
    const pod = await network.addPod('node-1', 'default/gone');
    const process = ManagedProcess.start({
      namespace: pod.space.name,
      command: ['sleep', '1000'],
      env: { PATH: '/usr/bin:/bin' },
      logFile: join(folder, 'sleep.log'),
    });
    await network.removePod('node-1', 'default/gone');
    expect(await process.ended).toEqual({ exitCode: null, signal: 'SIGKILL' });
    const links = await network.node('node-1').space.run('ip', ['-br', 'link']);
    expect(links).not.toContain('veth-gone');
    expect((await network.addPod('node-1', 'default/next')).addresses.ipv4).not.toBe(pod.addresses.ipv4);
  });

  test('a server on loopback of the host is reachable in the control-plane namespace through a forwarder', async () => {
    const server = createServer((_request, response) => response.end('hello from the host'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const door = new Forwarder({ host: '::', port: 6443 }, { host: '127.0.0.1', port });
    await door.startIn(network.controlPlane.space);
    try {
      const { space } = network.node('node-2');
      expect((await space.get('http://172.30.0.2:6443')).body).toBe('hello from the host');
      await door.stop();
      await expect(space.get('http://172.30.0.2:6443')).rejects.toThrow('ECONNREFUSED');
    } finally {
      await door.stop();
      server.close();
    }
  });

  test('a forwarder survives connections that are broken off on either side', async () => {
    const server = createTcpServer((socket) => socket.resetAndDestroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const forwarder = new Forwarder({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port });
    await forwarder.start();
    for (let index = 0; index < 5; index += 1) {
      const socket = connect({ host: '127.0.0.1', port: forwarder.port });
      const ended = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
      socket.write('x');
      await ended;
    }
    await forwarder.stop();
    server.close();
  });

  test('a process sees its mounts and nobody else does', async () => {
    const logFile = join(folder, 'mounts.log');
    const seen = ManagedProcess.start({
      namespace: network.node('node-1').space.name,
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
    const limited = ManagedProcess.start({
      namespace: network.node('node-1').space.name,
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
    const stubborn = ManagedProcess.start({
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
    expect(existsSync(`/run/netns/${network.nodes[0]!.space.name}`)).toBe(true);
  });
});
