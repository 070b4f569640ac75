import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from '../runtime/index.ts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Explanation, Packet } from '../dataplane/index.ts';
import type { ServicePort } from '../services/index.ts';
import { askAgent } from './explain-packet.ts';
import { questionOf } from './explain-question.ts';
import { explanationText, ownerOf } from './explain-text.ts';

describe('a question to nftproxy explain', () => {
  it.each([
    ['10.96.0.10:80', '10.96.0.10', 80],
    ['[fd00:10:96::0A]:443', 'fd00:10:96::a', 443],
  ])('--to %s is understood', (to, destination, port) => {
    expect(questionOf({ to, protocol: 'tcp' }, 'usage')).toMatchObject({ destination, port, protocol: 'tcp' });
  });

  it.each(['', '10.96.0.10', ':80', '10.96.0.10:0', '10.96.0.10:65536', '10.96.0.999:80', 'fd00::1:80', '[fd00::1]'])(
    '--to %j is refused with the form it takes',
    (to) => {
      const ask = (): unknown => questionOf({ to, protocol: 'tcp' }, 'usage');
      expect(ask).toThrow(UsageError);
      expect(ask).toThrow('use ADDRESS:PORT or [ADDRESS]:PORT');
    },
  );

  it('names the option that is wrong', () => {
    const to = '10.96.0.10:80';
    expect(() => questionOf({ to, protocol: 'icmp' }, 'usage')).toThrow('--protocol is "icmp": use tcp, udp or sctp');
    expect(() => questionOf({ to, from: 'here', protocol: 'tcp' }, 'usage')).toThrow(
      '--from "here" is not an IP address',
    );
    expect(() => questionOf({ to, from: 'fd00::1', protocol: 'tcp' }, 'usage')).toThrow('different IP families');
  });
});

describe('the Service that an explanation names', () => {
  const port = (id: string, family: 4 | 6, frontends: ServicePort['frontends']): ServicePort => ({
    id,
    namespace: 'default',
    name: 'web',
    portName: '',
    protocol: 'tcp',
    family,
    frontends,
    clusterEndpoints: [],
    localEndpoints: [],
    otherServingEndpoints: [],
    hasAnyEndpoints: false,
    algorithm: 'random',
  });
  const ports = [
    port('nodePort4', 4, [{ kind: 'NodePort', port: 30080, policy: 'Cluster' }]),
    port('nodePort6', 6, [{ kind: 'NodePort', port: 30080, policy: 'Cluster' }]),
    port('external', 4, [{ kind: 'ExternalIP', address: '192.0.2.1', port: 30080, policy: 'Cluster' }]),
  ];
  const packet = (destination: string, toHost: boolean): Packet => ({
    source: '198.51.100.1',
    destination,
    protocol: 'tcp',
    port: 30080,
    fromHost: false,
    fromPod: false,
    toHost,
    masqueradeAll: false,
  });
  const reject: Explanation = { action: 'reject', steps: [], endpoints: [], masquerade: false };
  const name = (destination: string, toHost: boolean, outcome = reject): string | undefined =>
    ownerOf(packet(destination, toHost), outcome, ports)?.id;

  it('is told for a NodePort too that rejects, in the family of the packet', () => {
    expect(name('172.30.0.1', true)).toBe('nodePort4');
    expect(name('fd00:172:30::1', true)).toBe('nodePort6');
  });

  it('is that of the address before that of a NodePort of the same number', () => {
    expect(name('192.0.2.1', true)).toBe('external');
  });

  it('is told with who chooses, and no shares, where an engine does', () => {
    const outcome: Explanation = {
      ...{ action: 'forward', steps: [], masquerade: false, chosenBy: 'IPVS (wlc)' },
      endpoints: ['10.244.0.1:8080', '10.244.0.2:8080'],
    };
    const view = { silence: undefined, config: undefined, ports: [], mode: 'ipvs' };
    const told = explanationText(packet('192.0.2.1', false), outcome, ports[2], view);
    expect(told).toContain('Service: default/web, port (unnamed), IPVS (wlc)\n');
    expect(told).toContain('Endpoint: 10.244.0.1:8080\nEndpoint: 10.244.0.2:8080\n');
  });

  it('is nobody’s where the packet is none of a Service', () => {
    expect(name('203.0.113.1', false)).toBeUndefined();
    expect(name('172.30.0.1', true, { ...reject, action: 'pass' })).toBeUndefined();
  });
});

describe('an agent that does not answer', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function agentThat(behaves: RequestListener): Promise<string> {
    const server = createServer(behaves);
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each([
    ['says nothing at all', (): void => undefined],
    [
      'stops in the middle',
      (_request: unknown, response: { write(text: string): unknown }): void => void response.write('{'),
    ],
  ])('because it %s is waited for no longer than it should, and the explanation says so', async (_how, behaves) => {
    const url = await agentThat(behaves);
    const view = await askAgent(url, 50);
    expect(view).toMatchObject({ config: undefined, ports: [] });
    expect(view.silence).toBe(`the agent at ${url} does not answer within 0.05 s`);
    const packet: Packet = {
      ...{ source: '192.0.2.1', destination: '192.0.2.2', protocol: 'tcp', port: 80 },
      ...{ fromHost: false, fromPod: false, toHost: false, masqueradeAll: false },
    };
    const outcome: Explanation = { action: 'pass', steps: [], endpoints: [], masquerade: false };
    expect(explanationText(packet, outcome, undefined, { ...view, mode: 'nftables' })).toContain(
      `Configuration: the agent at ${url} does not answer within 0.05 s, so local traffic is told by source range only`,
    );
  });

  it('because there is none is told with what the system says', async () => {
    const url = await agentThat(() => undefined);
    const [server] = servers.splice(0);
    await new Promise((resolve) => server?.close(resolve));
    expect((await askAgent(url)).silence).toMatch(/does not answer \(.*ECONNREFUSED/);
  });
});
