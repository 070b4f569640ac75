import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { link, Namespace } from '../support/namespace.ts';

const isRoot = process.getuid?.() === 0;
const face = (room: string) => fileURLToPath(new URL(`../../src/${room}/index.ts`, import.meta.url));

/** What an agent on the node would run. */
const agent = `
  import { systemClock } from ${JSON.stringify(face('runtime'))};
  import { LocalhostNodePorts } from ${JSON.stringify(face('agent/node-ports'))};
  import { NodeSysctls } from ${JSON.stringify(face('agent/conntrack'))};
  const ports = new LocalhostNodePorts({
    primaryAddress: (family) => (family === 4 ? '10.0.0.1' : 'fd00::1'),
    onBindFailure: (_family, _bind, error) => { throw error; },
    onConnection: () => undefined,
    clock: systemClock,
  });
  const frontends = [{ kind: 'NodePort', port: 30080, policy: 'Cluster' }];
  for (const family of [4, 6]) ports.changed(String(family), { protocol: 'tcp', family, frontends });
  await ports.apply();
  const changed = [];
  const log = { info: (_message, { sysctl, from, to }) => void changed.push({ name: sysctl, from, to }), warn: console.error };
  const leave = { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s', udpStreamTimeout: '0s' };
  new NodeSysctls({ directory: '/proc/sys', log }).apply({ ...leave, tcpBeLiberal: true, udpTimeout: '17s' });
  console.log(JSON.stringify(changed));
`;

describe.skipIf(!isRoot)('an agent in a node’s network namespace', () => {
  let node: Namespace;
  let pods: Namespace;
  let changed: unknown;

  beforeAll(async () => {
    node = await Namespace.create('node', { forwarding: true });
    pods = await Namespace.create('pods');
    await link(node, pods, {
      a: { addresses: ['10.0.0.1/24', 'fd00::1/64'] },
      b: { addresses: ['10.0.0.2/24', 'fd00::2/64'] },
    });
    await pods.serve([
      { protocol: 'tcp', address: '10.0.0.2', port: 8080 },
      { protocol: 'tcp', address: 'fd00::2', port: 8080 },
    ]);
    await node.nft(`
      table inet test {
        chain output {
          type nat hook output priority -100;
          ip daddr 10.0.0.1 tcp dport 30080 dnat ip to 10.0.0.2:8080
          ip6 daddr fd00::1 tcp dport 30080 dnat ip6 to [fd00::2]:8080
        }
        chain postrouting {
          type nat hook postrouting priority 100;
          ct status dnat masquerade
        }
      }
    `);
    const child = node.spawn(process.execPath, ['--input-type=module-typescript', '--eval', agent]);
    child.stderr?.on('data', (text) => void process.stderr.write(String(text)));
    changed = JSON.parse(String((await once(child.stdout!, 'data'))[0]));
  }, 120_000);

  afterAll(async () => {
    await Promise.all([node.destroy(), pods.destroy()]);
  }, 60_000);

  test.each([
    ['127.0.0.1', '10.0.0.2:8080', '10.0.0.1'],
    ['::1', '[fd00::2]:8080', 'fd00::1'],
  ])(
    'a process on the node reaches a node port at %s',
    async (address, server, source) => {
      const answers = await node.request({ protocol: 'tcp', address, port: 30080, count: 20 });
      expect(answers.map((answer) => answer.server ?? answer.error)).toEqual(Array(20).fill(server));
      for (const { client } of answers) expect(client).toContain(source);
    },
    60_000,
  );

  test('sets this namespace’s conntrack sysctls', async () => {
    expect(changed).toEqual([
      { name: 'net.netfilter.nf_conntrack_tcp_be_liberal', from: 0, to: 1 },
      { name: 'net.netfilter.nf_conntrack_udp_timeout', from: 30, to: 17 },
    ]);
    const values = await node.run('sysctl', [
      '-n',
      'net.netfilter.nf_conntrack_udp_timeout',
      'net.netfilter.nf_conntrack_tcp_be_liberal',
    ]);
    expect(values.trim().split('\n')).toEqual(['17', '1']);
  });
});
