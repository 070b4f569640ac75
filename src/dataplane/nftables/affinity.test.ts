import { describe, expect, it } from 'vitest';
import type { ServicePort } from '../../services/index.ts';
import type { DesiredPort } from '../data-plane.ts';
import { addressOf, idOf, NodeRig, plainNode, ports, servicePort } from './testing/index.ts';

const sticky: Partial<ServicePort> = { affinitySeconds: 600 };

/** Service 9 has session affinity; three of its clients are remembered: two for endpoint 1, one for endpoint 2. */
async function withClients(endpoints: readonly number[] = [1, 2]): Promise<NodeRig> {
  const rig = new NodeRig();
  // The other one brings the chains for one endpoint.
  await rig.dataPlane.start(ports(servicePort(8, [8]), servicePort(9, endpoints, sticky)), plainNode);
  await rig.learn('192.0.2.1', '10.244.0.1 . 8080');
  await rig.learn('192.0.2.2', '10.244.0.2 . 8080');
  await rig.learn('192.0.2.3', '10.244.0.1 . 8080');
  return rig;
}

const second = ['192.0.2.2 : 10.244.0.2 . 8080'];

describe('an endpoint that leaves a Service with session affinity', () => {
  it('is forgotten by its clients in the same transaction, and by no others', async () => {
    const rig = await withClients();
    let together = 0;
    rig.refuse(({ set, key }, change) => {
      if (change === 'delete' && (set === 'affinity4' || (set === 'live4' && key === '10.244.0.1 . 8080'))) together++;
      return undefined;
    });
    await rig.dataPlane.apply(ports(servicePort(9, [2], sticky)));
    expect(together).toBe(3);
    expect(await rig.contents('affinity4')).toEqual(second);
  });

  it('may have clients whose time is up just then', async () => {
    const rig = await withClients();
    const set = await rig.kernelName('affinity4');
    let first = true;
    rig.refuse((element, change) => {
      if (element.set !== 'affinity4' || change !== 'delete' || !first) return undefined;
      first = false;
      rig.kernel.expire('nftproxy', { set, key: '192.0.2.1' });
      return 'ENOENT';
    });
    expect((await rig.dataPlane.apply(ports(servicePort(9, [2], sticky)))).refused).toEqual([]);
    expect(first).toBe(false);
    expect(await rig.contents('affinity4')).toEqual(second);
  });

  it('may have clients of whom some are always just expiring', async () => {
    const rig = await withClients();
    let added = false;
    // The kernel refuses to delete what is no longer there; added in the same transaction, it is.
    rig.refuse(({ set, key }, change) => {
      if (set !== 'affinity4' || key !== '192.0.2.1') return undefined;
      added ||= change === 'add';
      return added ? undefined : 'ENOENT';
    });
    expect((await rig.dataPlane.apply(ports(servicePort(9, [2], sticky)))).refused).toEqual([]);
    expect(await rig.contents('affinity4')).toEqual(second);
  });

  it('may be learned once more just before it leaves: that client is forgotten right after', async () => {
    const rig = await withClients();
    const set = await rig.kernelName('affinity4');
    let late = true;
    rig.refuse((element, change) => {
      // Between the reading of the clients and the commit.
      if (element.set === 'endpoints4' && change === 'delete' && late) {
        late = false;
        rig.kernel.learn('nftproxy', { set, key: '192.0.2.4', data: '10.244.0.1 . 8080', timeoutSeconds: 600 });
      }
      return undefined;
    });
    await rig.dataPlane.apply(ports(servicePort(9, [2], sticky)));
    expect(late).toBe(false);
    expect(await rig.contents('affinity4')).toEqual(second);
  });

  it('and stays with very many clients is put down as one that left, and nobody waits for reading those', async () => {
    const rig = await withClients();
    const set = await rig.kernelName('affinity4');
    for (let client = 0; client < 20_001; client++) {
      const key = `20.0.${client >> 8}.${client & 255}`;
      rig.kernel.learn('nftproxy', { set, key, data: '10.244.0.1 . 8080', timeoutSeconds: 600 });
    }
    let deleted = 0;
    rig.refuse((element, change) => {
      if (element.set === 'affinity4' && change === 'delete') deleted++;
      return undefined;
    });
    await rig.dataPlane.apply(ports(servicePort(9, [2], sticky)));
    expect(deleted).toBe(0);
    expect(await rig.contents('left4')).toEqual(['10.244.0.1 . 8080']);
    const packet = { source: '20.0.0.1', destination: addressOf(9), protocol: 'tcp', port: 80 } as const;
    const more = { fromHost: false, fromPod: undefined, toHost: false, masqueradeAll: false } as const;
    const { endpoints, chosen, steps } = await rig.dataPlane.explain({ ...packet, ...more });
    expect([endpoints, chosen]).toEqual([['10.244.0.2:8080'], undefined]);
    expect(steps.map(({ text }) => text).join()).toContain('stayed with 10.244.0.1:8080, which has left');
    // It left while no agent was there.
    rig.restart();
    await rig.dataPlane.start(ports(servicePort(9, [3], sticky)), plainNode);
    expect(await rig.contents('left4')).toEqual(['10.244.0.1 . 8080', '10.244.0.2 . 8080']);
    expect(deleted).toBe(0);
  });

  it('while the agent was away is forgotten by its clients before they are led anywhere', async () => {
    const rig = await withClients();
    rig.restart();
    await rig.dataPlane.start(ports(servicePort(9, [2, 3], sticky)), plainNode);
    expect(await rig.contents('affinity4')).toEqual(second);
  });
});

describe('a Service with session affinity', () => {
  const local = { address: '10.244.0.1', port: 8080, local: true, weight: 1 };
  const remote = { address: '10.244.0.2', port: 8080, local: false, weight: 1 };

  function loadBalancer(policy: 'Cluster' | 'Local'): DesiredPort {
    return servicePort(9, [], {
      ...sticky,
      frontends: [
        { kind: 'ClusterIP', address: addressOf(9), port: 80, policy: 'Cluster' },
        { kind: 'LoadBalancerIP', address: '192.0.2.9', port: 80, policy },
        { kind: 'NodePort', port: 30009, policy },
      ],
      clusterEndpoints: [local, remote],
      localEndpoints: policy === 'Local' ? [local] : [],
      hasAnyEndpoints: true,
    });
  }

  it('remembers apart who came to a frontend that uses endpoints on this node only', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(ports(loadBalancer('Cluster')), plainNode);
    expect(await rig.contents('live4')).toEqual(['10.244.0.1 . 8080', '10.244.0.2 . 8080']);
    expect([...(await rig.sets()).keys()]).not.toContain('local_affinity4');
    await rig.learn('192.0.2.1', '10.244.0.2 . 8080');
    await rig.dataPlane.apply(ports(loadBalancer('Local')));
    expect(await rig.contents('local_live4')).toEqual(['10.244.0.1 . 8080']);
    expect(await rig.contents('local_affinity4')).toEqual([]);
    expect(await rig.contents('affinity4')).toEqual(['192.0.2.1 : 10.244.0.2 . 8080']);
    expect(await rig.contents('local_policy4')).toEqual([
      expect.stringMatching(/^192\.0\.2\.9 \. tcp \. 80 : goto affinity_local_random4_1_/),
    ]);
    await rig.dataPlane.apply(ports(loadBalancer('Cluster')));
    expect([...(await rig.sets()).keys()]).not.toContain('local_affinity4');
    expect(await rig.contents('affinity4')).toEqual(['192.0.2.1 : 10.244.0.2 . 8080']);
  });

  it('has one memory for all its addresses', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(ports(loadBalancer('Cluster')), plainNode);
    const verdicts = [...(await rig.contents('learners4')), ...(await rig.contents('node_port_learners4'))];
    expect(new Set(verdicts.map((verdict) => verdict.split(' : ')[1])).size).toBe(1);
    expect(verdicts).toHaveLength(3);
  });

  it('makes nobody look for memories of other protocols, nor of any when the last one goes', async () => {
    const rig = new NodeRig();
    const udp = servicePort(8, [1], { protocol: 'udp' });
    await rig.dataPlane.start(ports(loadBalancer('Cluster'), udp), plainNode);
    expect(await rig.contents('learning4')).toEqual(['tcp : goto learners4']);
    await rig.dataPlane.apply(ports(servicePort(7, [1], sticky)));
    await rig.dataPlane.apply(new Map([[idOf(9), undefined]]));
    expect(await rig.contents('learning4')).toEqual(['tcp : goto learners4']);
    await rig.dataPlane.apply(new Map([[idOf(7), undefined]]));
    expect(await rig.contents('learning4')).toEqual([]);
  });

  it('that changes its time-out keeps its clients, and leaves nothing behind when it goes', async () => {
    const rig = await withClients();
    const before = [(await rig.chains()).length, (await rig.sets()).size];
    await rig.dataPlane.apply(ports(servicePort(9, [1, 2], { affinitySeconds: 5 })));
    expect(await rig.contents('affinity4')).toHaveLength(3);
    expect([(await rig.chains()).length, (await rig.sets()).size]).toEqual(before);
    await rig.dataPlane.apply(new Map([[idOf(9), undefined]]));
    expect((await rig.chains()).filter((name) => /affinity|learn4_/.test(name))).toEqual([]);
    expect([...(await rig.sets()).keys()].filter((name) => /affinity|live/.test(name))).toEqual([]);
  });

  it('that goes, or remembers nobody any more, goes without a look at its clients', async () => {
    const changes = {
      deleted: new Map([[idOf(9), undefined]]),
      'without endpoints': ports(servicePort(9, [], sticky)),
      'without affinity': ports(servicePort(9, [1, 2])),
    };
    for (const [how, change] of Object.entries(changes)) {
      const rig = await withClients();
      let looked = false;
      rig.refuse(({ set }) => {
        looked ||= set === 'affinity4';
        return undefined;
      });
      await rig.dataPlane.apply(change);
      expect([how, looked]).toEqual([how, false]);
      expect([...(await rig.sets()).keys()]).not.toContain('affinity4');
    }
  });

  it('over IPv6 sends nobody to an old endpoint at the port of the new ones while these are being written', async () => {
    const atPort = (port: number, address: string) =>
      ports(
        servicePort(9, [], {
          ...sticky,
          family: 6,
          frontends: [{ kind: 'ClusterIP', address: 'fd00::9', port: 80, policy: 'Cluster' }],
          clusterEndpoints: [{ address, port, local: false, weight: 1 }],
          hasAnyEndpoints: true,
        }),
      );
    const rig = new NodeRig();
    await rig.dataPlane.start(atPort(8080, 'fd00:1::1'), plainNode);
    // The chain that the Service's verdict leads to, and its rules.
    const way = (): string => {
      const text = String(rig.kernel);
      const [, chain = '?'] = /fd00::9 \. tcp \. 80 : goto (\S+)/.exec(text) ?? [];
      return text.slice(text.indexOf(`chain ${chain} {`)).split('}')[0] ?? '';
    };
    const before = way();
    expect(before).toContain('chain affinity_random6_1_');
    const between = new Set<string>();
    rig.refuse(({ set }, change) => {
      if (set === 'endpoints6' && change === 'delete') between.add(way());
      return undefined;
    });
    await rig.dataPlane.apply(atPort(9090, 'fd00:1::2'));
    expect([...between]).toEqual([before]);
    expect(way()).not.toBe(before);
  });

  it('whose new state is refused keeps what it has, also what the new state would no longer need', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(ports(loadBalancer('Local'), servicePort(1)), plainNode);
    const before = await rig.everything();
    rig.refuse(({ data }) => (data === '10.244.0.66 . 8080' ? 'EINVAL' : undefined));
    const { port } = loadBalancer('Cluster');
    const refused = { ...port, clusterEndpoints: [...port.clusterEndpoints, { ...remote, address: '10.244.0.66' }] };
    expect((await rig.dataPlane.apply(ports({ port: refused }))).refused).toHaveLength(1);
    await rig.dataPlane.apply(ports(servicePort(1, [5])));
    await rig.dataPlane.apply(ports(servicePort(1)));
    expect(await rig.everything()).toEqual(before);
    await rig.dataPlane.apply(ports(loadBalancer('Cluster')));
    expect([...(await rig.sets()).keys()]).not.toContain('local_live4');
  });
});
