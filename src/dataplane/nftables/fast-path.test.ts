import { describe, expect, it } from 'vitest';
import { Transaction } from '../../nftables/index.ts';
import { idleSecondsFor } from './fast-path-host.ts';
import { fastPathElements } from './fast-path-rules.ts';
import { NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

const node = { ...plainNode, fastPath: true } as const;
const two = ports(servicePort(1), servicePort(2));

/** A node with an uplink and a pod, beside what never takes part. */
function rigWith(...options: ConstructorParameters<typeof NodeRig>): NodeRig {
  const rig = new NodeRig(...options);
  rig.links.set({ number: 1, name: 'lo', loopback: true });
  rig.links.set({ number: 2, name: 'eth0', loopback: false });
  rig.links.set({ number: 3, name: 'veth1', loopback: false });
  rig.links.set({ number: 4, name: 'cni0', loopback: false });
  rig.links.set({ number: 5, name: 'veth-in-bridge', loopback: false, master: 4 });
  return rig;
}

async function devices({ foreigner }: NodeRig): Promise<string[]> {
  return (await foreigner.flowtables(table)).flatMap((flowtable) => [...flowtable.devices]).sort();
}

describe('the fast path of a node', () => {
  it('is not there unless somebody asks for it, not even as an empty set', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, plainNode);
    expect([await rig.foreigner.flowtables(table), rig.dataPlane.fastPath, rig.links.listeners]).toEqual([
      [],
      undefined,
      0,
    ]);
    expect(String(rig.kernel)).not.toMatch(/fast_path|flow_offload|forward/);
  });

  it('has all interfaces but those that others stand for, and the Services that it is for', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, node);
    expect(await devices(rig)).toEqual(['cni0', 'eth0', 'veth1']);
    expect(rig.dataPlane.fastPath).toEqual({ devices: 3 });
    expect(await rig.contents('fast_path_services4')).toEqual(['10.96.0.1 . tcp . 80', '10.96.0.2 . tcp . 80']);
    await rig.dataPlane.apply(new Map([[[...two.keys()][0] ?? '', undefined]]));
    expect(await rig.contents('fast_path_services4')).toEqual(['10.96.0.2 . tcp . 80']);
  });

  it('follows interfaces as pods come and go, also under a name that was there before', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, node);
    rig.links.set({ number: 6, name: 'veth2', loopback: false });
    rig.links.set({ number: 7, name: 'veth3', loopback: false });
    rig.links.set({ number: 7, name: 'veth3', loopback: false, master: 4 });
    rig.links.leaveBridge(5);
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(await devices(rig)).toEqual(['cni0', 'eth0', 'veth1', 'veth2']);
    rig.links.delete(3);
    rig.kernel.loseDevice('veth1');
    rig.links.set({ number: 8, name: 'veth1', loopback: false });
    await rig.dataPlane.verify();
    expect(await devices(rig)).toEqual(['cni0', 'eth0', 'veth1', 'veth2']);
    expect(rig.dataPlane.fastPath).toEqual({ devices: 4 });
  });

  it('loses interfaces that go, or become part of others, also where the kernel keeps their names', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, node);
    rig.links.delete(3);
    rig.links.set({ number: 2, name: 'eth0', loopback: false, master: 9 });
    rig.links.set({ number: 9, name: 'bond0', loopback: false });
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(await devices(rig)).toEqual(['bond0', 'cni0']);
    expect(rig.dataPlane.fastPath).toEqual({ devices: 2 });
    rig.links.delete(4);
    rig.restart();
    await rig.dataPlane.start(two, node);
    expect(await devices(rig)).toEqual(['bond0']);
  });

  it('is shown by a preview, which tells the node nothing', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, plainNode);
    const chains = async (): Promise<readonly string[]> => (await rig.dataPlane.preview(two, node)).chains.added;
    expect(await chains()).toContain('fast_path4');
    rig.forgetsIdle = 'it forgets';
    expect(await chains()).toEqual([]);
    expect([rig.keptIdle, await devices(rig)]).toEqual([0, []]);
  });

  it('is not in force, nor followed, where the kernel has refused the settings that ask for it', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, plainNode);
    rig.kernel.failNext('ENOMEM');
    await expect(rig.dataPlane.setNode(node)).rejects.toThrow('ENOMEM');
    expect(rig.dataPlane.fastPath).toBeUndefined();
    const before = await rig.generation();
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect([await rig.generation(), rig.links.listeners]).toEqual([before, 0]);
  });

  it('takes more interfaces than a message may name, and goes without one that is gone before it can be added', async () => {
    const rig = rigWith();
    for (let number = 10; number < 410; number++) rig.links.set({ number, name: `veth${number}`, loopback: false });
    rig.kernel.hasDevice = (name) => name !== 'veth77';
    await rig.dataPlane.start(two, node);
    expect(await devices(rig)).toHaveLength(402);
    expect(await devices(rig)).not.toContain('veth77');
    expect(rig.logs.join()).not.toContain('cannot add devices');
  });

  it('is left alone by a restart and by other settings, which are a new generation', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, node);
    rig.restart();
    await rig.dataPlane.start(two, node);
    await rig.dataPlane.setNode({ ...node, masqueradeAll: true });
    expect(await devices(rig)).toEqual(['cni0', 'eth0', 'veth1']);
    expect(await rig.generations()).toEqual([3]);
    expect(rig.links.listeners).toBe(1);
  });

  it('goes with all that belongs to it when it is asked for no more', async () => {
    const rig = rigWith();
    await rig.dataPlane.start(two, plainNode);
    const before = await rig.chains();
    await rig.dataPlane.setNode(node);
    expect((await rig.chains()).filter((name) => !before.includes(name)).sort()).toEqual(
      ['fast_path', 'fast_path4', 'fast_path6', 'forward'].sort(),
    );
    await rig.dataPlane.setNode(plainNode);
    expect((await rig.chains()).sort()).toEqual([...before].sort());
    expect([await rig.foreigner.flowtables(table), rig.dataPlane.fastPath, rig.links.listeners]).toEqual([
      [],
      undefined,
      0,
    ]);
  });

  it('is made again where others can delete it or take an interface out of it', async () => {
    const rig = rigWith({ owner: false, persist: false });
    await rig.dataPlane.start(two, node);
    expect(await rig.dataPlane.verify()).toBe('intact');
    rig.kernel.flushRuleset();
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(two, node);
    expect(await devices(rig)).toEqual(['cni0', 'eth0', 'veth1']);
    rig.kernel.loseDevice('eth0');
    await rig.foreigner.commit(new Transaction(table).addChain({ name: 'theirs' }));
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(two, node);
    expect(await devices(rig)).toEqual(['cni0', 'eth0', 'veth1']);
    expect(await rig.dataPlane.verify()).toBe('intact');
  });
});

describe('a node that cannot have a fast path', () => {
  it('says why, and serves as without it', async () => {
    const rig = rigWith({ flowtables: false });
    await rig.dataPlane.start(two, node);
    expect(rig.dataPlane.fastPath).toEqual({
      missing: 'this kernel has no flowtables (module nf_flow_table_inet)',
    });
    const { kernel, dataPlane } = rigWith();
    await dataPlane.start(two, plainNode);
    expect(await rig.everything()).toEqual(await rigAs(plainNode));
    expect(String(kernel)).not.toContain('fast_path');
    expect(await rig.dataPlane.verify()).toBe('intact');
  });

  it('takes it once idle connections are kept, and gives it up when they no longer are', async () => {
    const rig = rigWith();
    rig.forgetsIdle = 'idle connections would be forgotten';
    await rig.dataPlane.start(two, node);
    expect(rig.dataPlane.fastPath).toEqual({ missing: 'idle connections would be forgotten' });
    rig.forgetsIdle = undefined;
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(two, node);
    expect(rig.dataPlane.fastPath).toEqual({ devices: 3 });
    rig.forgetsIdle = 'read-only';
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(two, node);
    expect([rig.dataPlane.fastPath, await devices(rig)]).toEqual([{ missing: 'read-only' }, []]);
  });
});

async function rigAs(settings: typeof plainNode): Promise<Record<string, string[]>> {
  const rig = rigWith();
  await rig.dataPlane.start(two, settings);
  return rig.everything();
}

describe('who takes the fast path', () => {
  it('TCP through every address of a Service and its NodePort; no UDP, and nothing that an engine serves', () => {
    const frontends = [
      { kind: 'ClusterIP', address: '10.96.0.1', port: 80, policy: 'Cluster' },
      { kind: 'NodePort', port: 30080, policy: 'Local' },
    ] as const;
    const desired = servicePort(1, [1], { frontends });
    expect(fastPathElements(desired)).toEqual([
      { set: 'fast_path_services4', key: '10.96.0.1 . tcp . 80' },
      { set: 'fast_path_node_ports4', key: 'tcp . 30080' },
    ]);
    expect(fastPathElements(servicePort(1, [1], { frontends, protocol: 'udp' }))).toEqual([]);
    const target = { address: '169.254.77.1', port: 1000 };
    expect(fastPathElements({ ...desired, via: { cluster: target } })).toEqual([]);
  });

  it('idle connections live as long as conntrack says, in the fast path and after it', () => {
    expect([86_400, 7200, 600, 400].map(idleSecondsFor)).toEqual([86_100, 6900, 300, 200]);
  });
});
