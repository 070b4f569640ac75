import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostOf } from '../support/index.ts';
import type { Answer } from '../support/index.ts';
import { addresses, loadBalancer, service, ServiceRig, slice } from '../support/node/index.ts';
import type { Pod, Where } from '../support/node/index.ts';

let rig: ServiceRig;
const ip = addresses[4];

beforeAll(async () => {
  rig = await ServiceRig.create();
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

async function ask(where: Where, address: string, port = 80, timeoutMilliseconds = 2000): Promise<Answer> {
  const [answer] = await rig.namespaceOf(where).request({ protocol: 'tcp', address, port, timeoutMilliseconds });
  if (!answer) throw new Error('no answer');
  return answer;
}

function endpoints(name: string, pods: readonly Pod[]): void {
  for (const family of [4, 6] as const) rig.slice(`${name}-${family}`, slice(name, family, pods));
}

const tcp = (port: number, nodePort?: number) => ({
  name: 'tcp',
  protocol: 'TCP',
  port,
  ...(nodePort === undefined ? {} : { nodePort }),
});

describe('several Services on one external IP', () => {
  beforeAll(async () => {
    const shared = { externalIPs: [ip.externalIP, addresses[6].externalIP] };
    const clusterIPs = (last: number) => {
      const own = [`10.96.0.${last}`, `fd00:10:96::${last}`];
      return { clusterIP: own[0], clusterIPs: own };
    };
    rig.service('first', service({ ...shared, ...clusterIPs(21), ports: [tcp(80)] }));
    rig.service('second', service({ ...shared, ...clusterIPs(22), ports: [tcp(81)], externalTrafficPolicy: 'Local' }));
    rig.service('third', service({ ...shared, ...clusterIPs(23), ports: [tcp(80)] }));
    endpoints('first', ['remotePod']);
    endpoints('second', ['localPod']);
    endpoints('third', ['localPod']);
    await rig.run();
  });

  for (const family of [4, 6] as const) {
    const { externalIP, localPod, remotePod, outside } = addresses[family];

    it(`each get their own port, with their own policy (IPv${family})`, async () => {
      const first = await ask('outside', externalIP, 80);
      expect(hostOf(first.server)).toBe(remotePod);
      expect(hostOf(first.client)).not.toBe(outside);
      const second = await ask('outside', externalIP, 81);
      expect(hostOf(second.server)).toBe(localPod);
      expect(hostOf(second.client)).toBe(outside);
    });

    it(`that claim the same port: the older (or first by name) has it, the other works elsewhere (IPv${family})`, async () => {
      const other = family === 4 ? '10.96.0.23' : 'fd00:10:96::23';
      expect(hostOf((await ask('clientPod', other)).server)).toBe(localPod);
    });
  }

  it('the next takes the address over as soon as the first gives it up', async () => {
    rig.service('first', undefined);
    await rig.run();
    expect(hostOf((await ask('outside', ip.externalIP, 80)).server)).toBe(ip.localPod);
    for (const name of ['second', 'third']) rig.service(name, undefined);
    await rig.run();
  });
});

describe('a Service of one family on a dual-stack node', () => {
  it('of IPv4 has nothing at all in IPv6, although there are IPv6 endpoints, and the other way round', async () => {
    for (const family of [4, 6] as const) {
      const mine = addresses[family];
      const other = addresses[family === 4 ? 6 : 4];
      const one = loadBalancer({ clusterIP: mine.clusterIP, clusterIPs: [mine.clusterIP] });
      rig.service('single', one);
      endpoints('single', ['localPod']);
      await rig.run();
      expect(hostOf((await ask('clientPod', mine.clusterIP)).server)).toBe(mine.localPod);
      expect(hostOf((await ask('outside', mine.node, 30080)).server)).toBe(mine.localPod);
      expect(hostOf((await ask('outside', mine.loadBalancerIP)).server)).toBe(mine.localPod);
      expect((await ask('clientPod', other.clusterIP, 80, 400)).error).toBe('ETIMEDOUT');
      expect((await ask('outside', other.node, 30080)).error).toBe('ECONNREFUSED');
      expect((await ask('outside', other.loadBalancerIP, 80, 400)).error).toBeDefined();
    }
  });
});

describe('a load balancer', () => {
  it('without node ports (allocateLoadBalancerNodePorts: false) serves its address and no NodePort', async () => {
    rig.service('lb', { ...loadBalancer({ ports: [tcp(80)] }) });
    rig.service('single', undefined);
    endpoints('lb', ['localPod']);
    await rig.run();
    expect(hostOf((await ask('outside', ip.loadBalancerIP)).server)).toBe(ip.localPod);
    expect((await ask('outside', ip.node, 30080)).error).toBe('ECONNREFUSED');
    const frontends = [...rig.dataPlane.served.values()].flatMap(({ port }) => port.frontends);
    expect(frontends.filter(({ kind }) => kind === 'NodePort')).toEqual([]);
  });

  it('of ipMode Proxy keeps its address to itself: the node does not short-circuit it', async () => {
    const proxied = loadBalancer();
    const ingress = [
      { ip: ip.loadBalancerIP, ipMode: 'Proxy' },
      { ip: '192.0.2.11', ipMode: 'VIP' },
    ];
    rig.service('lb', { ...proxied, status: { loadBalancer: { ingress } } });
    await rig.run();
    expect((await ask('clientPod', ip.loadBalancerIP, 80, 400)).error).toBeDefined();
    expect(hostOf((await ask('clientPod', '192.0.2.11')).server)).toBe(ip.localPod);
    expect(hostOf((await ask('outside', ip.node, 30080)).server)).toBe(ip.localPod);
    rig.service('lb', undefined);
    await rig.run();
  });
});

describe('a Service that is for somebody else', () => {
  it('by the label service-proxy-name is left alone, and served once the label goes', async () => {
    const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
    rig.service('web', { ...service(), metadata: { labels } });
    endpoints('web', ['localPod']);
    await rig.run();
    expect((await ask('clientPod', ip.clusterIP, 80, 400)).error).toBe('ETIMEDOUT');
    rig.service('web', service());
    await rig.run();
    expect(hostOf((await ask('clientPod', ip.clusterIP)).server)).toBe(ip.localPod);
  });
});
