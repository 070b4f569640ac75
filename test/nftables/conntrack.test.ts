import { describe, expect, it } from 'vitest';
import { ConntrackSocket } from '../../src/conntrack/index.ts';
import type { ConntrackEntry } from '../../src/conntrack/index.ts';
import { link } from '../support/index.ts';
import type { Namespace } from '../support/index.ts';
import { afterThisTest, host } from './host.ts';

function open(namespace: Namespace): ConntrackSocket {
  const socket = ConntrackSocket.open({ namespacePath: namespace.path });
  afterThisTest(() => {
    socket.close();
  });
  return socket;
}

/** Makes an entry with the conntrack tool, destination translated to `10.0.0.9:8080`. */
function insert(namespace: Namespace, protocol: 'tcp' | 'udp', source: string, destination: string): Promise<string> {
  const [sourceAddress = '', sourcePort = ''] = source.split('|');
  const [address = '', port = ''] = destination.split('|');
  const dnat = address.includes(':') ? '[fd00::9]:8080' : '10.0.0.9:8080';
  return namespace.run('conntrack', [
    '-I',
    ...['-p', protocol, '-s', sourceAddress, '-d', address, '--sport', sourcePort, '--dport', port],
    ...['--timeout', '600', '--dst-nat', dnat],
    ...(protocol === 'tcp' ? ['--state', 'ESTABLISHED'] : []),
  ]);
}

describe('the connection table', () => {
  it('is read as the conntrack tool shows it', async () => {
    const { namespace } = await host('read');
    await namespace.nft('table inet t {\n chain c {\n type nat hook prerouting priority dstnat;\n }\n}\n');
    await insert(namespace, 'tcp', '10.0.0.2|40000', '10.96.0.1|80');
    await insert(namespace, 'udp', '10.0.0.2|40001', '10.96.0.1|53');
    const entries = await open(namespace).entries({ family: 4 });
    expect(entries.sort((a, b) => a.protocol.localeCompare(b.protocol))).toMatchObject([
      {
        family: 4,
        protocol: 'tcp',
        original: { source: '10.0.0.2', sourcePort: 40_000, destination: '10.96.0.1', destinationPort: 80 },
        reply: { source: '10.0.0.9', sourcePort: 8080, destination: '10.0.0.2', destinationPort: 40_000 },
        status: { dnat: true, snat: false },
        tcpState: 'ESTABLISHED',
      },
      { protocol: 'udp', original: { destinationPort: 53 }, reply: { source: '10.0.0.9' } },
    ]);
    expect(entries[1]).not.toHaveProperty('tcpState');
    for (const { timeoutSeconds } of entries) expect(timeoutSeconds).toBeGreaterThan(500);
  });

  it('is filtered by family, protocol and translation', async () => {
    const { namespace } = await host('filter');
    await insert(namespace, 'tcp', '10.0.0.2|40000', '10.96.0.1|80');
    await insert(namespace, 'udp', '10.0.0.2|40001', '10.96.0.1|53');
    await insert(namespace, 'udp', 'fd00::2|40001', 'fd96::1|53');
    await namespace.run('conntrack', [
      ...['-I', '-p', 'udp', '-s', '10.0.0.2', '-d', '10.0.0.3', '--sport', '1', '--dport', '2', '--timeout', '600'],
    ]);
    await namespace.run('conntrack', [
      ...['-I', '-p', 'icmp', '-s', '10.0.0.2', '-d', '10.0.0.3', '--icmp-type', '8', '--icmp-code', '0'],
      ...['--icmp-id', '1', '--timeout', '600'],
    ]);
    const socket = open(namespace);
    const ports = async (filter: Parameters<ConntrackSocket['entries']>[0]): Promise<number[]> =>
      (await socket.entries(filter)).map(({ original }) => original.destinationPort).sort((a, b) => a - b);
    expect(await ports({ family: 4 })).toEqual([2, 53, 80]);
    expect(await ports({ family: 4, protocol: 'udp' })).toEqual([2, 53]);
    expect(await ports({ family: 4, protocol: 'udp', dnat: true })).toEqual([53]);
    expect(await ports({ family: 4, protocol: 'sctp' })).toEqual([]);
    const [six] = await socket.entries({ family: 6 });
    expect(six?.original).toEqual({
      source: 'fd00::2',
      sourcePort: 40_001,
      destination: 'fd96::1',
      destinationPort: 53,
    });
    expect(six?.reply).toEqual({
      source: 'fd00::9',
      sourcePort: 8080,
      destination: 'fd00::2',
      destinationPort: 40_001,
    });
  });

  it('loses just the entry that is deleted, and tells if it was there', async () => {
    const { namespace } = await host('delete');
    for (const port of [1, 2, 3]) await insert(namespace, 'udp', `10.0.0.2|4000${port}`, '10.96.0.1|53');
    await insert(namespace, 'udp', 'fd00::2|40001', 'fd96::1|53');
    const socket = open(namespace);
    const entry = async (): Promise<ConntrackEntry | undefined> =>
      (await socket.entries({ family: 4 })).find(({ original }) => original.sourcePort === 40_002);
    const doomed = await entry();
    if (doomed === undefined) throw new Error('no entry');
    expect(await socket.delete(doomed)).toBe(true);
    expect(await entry()).toBeUndefined();
    expect(await socket.delete(doomed)).toBe(false);
    // The same tuple with another id is another entry.
    await insert(namespace, 'udp', '10.0.0.2|40002', '10.96.0.1|53');
    const successor = await entry();
    if (successor === undefined) throw new Error('no entry');
    expect(await socket.delete({ ...successor, id: successor.id ^ 1 })).toBe(false);
    expect((await namespace.run('conntrack', ['-L', '-f', 'ipv4'])).trim().split('\n')).toHaveLength(3);
    const [six] = await socket.entries({ family: 6 });
    if (six === undefined) throw new Error('no IPv6 entry');
    expect(await socket.delete(six)).toBe(true);
    expect(await socket.entries({ family: 6 })).toEqual([]);
  });

  it('is read whole when it is large, page by page, with turns for others', { timeout: 120_000 }, async () => {
    const { namespace } = await host('large');
    const count = 5000;
    const lines = Array.from({ length: count }, (_, index) => {
      const source = `-s 10.1.${index >> 8}.${index & 255} -d 10.96.0.1 --sport 1024 --dport 53`;
      return `-I -p udp ${source} --dst-nat 10.0.0.9:53 --timeout 600`;
    });
    // conntrack opens /dev/stdin, which must be a pipe for that and not Node's socket.
    await namespace.run('sh', ['-c', 'cat | conntrack -R -'], { input: `${lines.join('\n')}\n` });
    const socket = open(namespace);
    const sources = new Set<string>();
    await socket.scan({ family: 4, dnat: true }, ({ original }) => sources.add(original.source));
    expect(sources.size).toBe(count);
    await expect(
      socket.scan({ family: 4 }, () => {
        throw new Error('enough');
      }),
    ).rejects.toThrow('enough');
    // The rest of the interrupted dump is not taken for an answer to the next request.
    expect(await socket.entries({ family: 4, protocol: 'tcp' })).toEqual([]);
  });

  it('shows the state of real connections', { timeout: 60_000 }, async () => {
    const [{ namespace: client }, { namespace: server }] = [await host('client'), await host('server')];
    await link(client, server, { a: { addresses: ['10.0.0.2/24'] }, b: { addresses: ['10.0.0.3/24'] } });
    await client.nft('table ip t {\n chain c {\n type filter hook output priority 0;\n ct state new counter\n }\n}\n');
    await server.serve([{ protocol: 'udp', address: '10.0.0.3', port: 5353 }]);
    await client.request({ protocol: 'udp', address: '10.0.0.3', port: 5353, source: '10.0.0.2', sourcePort: 7777 });
    const entries = await open(client).entries({ family: 4, protocol: 'udp' });
    expect(entries).toMatchObject([
      {
        original: { source: '10.0.0.2', sourcePort: 7777, destination: '10.0.0.3', destinationPort: 5353 },
        reply: { source: '10.0.0.3', sourcePort: 5353, destination: '10.0.0.2', destinationPort: 7777 },
        status: { seenReply: true, dnat: false, snat: false },
      },
    ]);
  });
});
