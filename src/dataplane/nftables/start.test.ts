import { describe, expect, it } from 'vitest';
import { CommitError, Transaction } from '../../nftables/index.ts';
import { ForeignStateError } from '../data-plane.ts';
import { addressOf, idOf, NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

const three = ports(servicePort(1), servicePort(2, [1, 2]), servicePort(3));

/** The ruleset line by line, without the numbers of generations. */
function linesOf({ kernel }: NodeRig): string[] {
  return String(kernel)
    .replaceAll(/([a-z_]+[46]?(?:_\w+)?)\.\d+/g, '$1')
    .replaceAll(/generation \d+/g, '')
    .split('\n')
    .sort();
}

describe('a start on a node without our table', () => {
  it('makes one that is ours alone, with every Service in it', async () => {
    const rig = new NodeRig();
    const started = await rig.dataPlane.start(three, plainNode);
    expect(started).toMatchObject({ refused: [], removedFrontends: [] });
    expect(started.written.elements).toBeGreaterThan(0);
    expect(await rig.foreigner.tables()).toMatchObject([{ name: table, flags: { owner: true, persist: true } }]);
    expect(await rig.contents('services4')).toEqual([
      '10.96.0.1 . tcp . 80 : goto random4_1',
      '10.96.0.2 . tcp . 80 : goto random4_2',
      '10.96.0.3 . tcp . 80 : goto random4_1',
    ]);
    expect([...rig.dataPlane.served.keys()]).toEqual([1, 2, 3].map(idOf));
    expect(rig.dataPlane.sizes.get('services4')).toBe(3);
  });

  it('makes one that others can change where the kernel knows no owners, and notices when they do', async () => {
    const rig = new NodeRig({ owner: false, persist: false, destroy: false });
    await rig.dataPlane.start(three, plainNode);
    expect(await rig.foreigner.tables()).toMatchObject([{ flags: { owner: false, persist: false } }]);
    expect(await rig.dataPlane.verify()).toBe('intact');
    rig.kernel.flushRuleset();
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(three, plainNode);
    expect(await rig.contents('services4')).toHaveLength(3);
    expect(await rig.dataPlane.verify()).toBe('intact');
  });

  it('is explained as the packets meet it: nothing of what is written and not yet in force', async () => {
    const rig = new NodeRig();
    const packet = { source: '192.0.2.1', destination: addressOf(1), protocol: 'tcp' as const, port: 80 };
    const explain = () =>
      rig.dataPlane.explain({ ...packet, fromHost: false, fromPod: true, toHost: false, masqueradeAll: false });
    const set = { name: 'cluster_ips4.1', key: ['ipv4_addr'] as const };
    const unfinished = new Transaction(table).addTable({ comment: 'nftproxy data plane' }).addSet(set);
    await rig.foreigner.commit(unfinished.addElements(set, [{ set: set.name, key: addressOf(1) }]));
    expect(await explain()).toMatchObject({ action: 'pass' });
  });

  it('does not mind what others change where the table is owned', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(three, plainNode);
    await rig.foreigner.commit(new Transaction('theirs').addTable());
    rig.kernel.flushRuleset();
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(await rig.contents('services4')).toHaveLength(3);
  });
});

describe('a start on a node where an earlier agent left its table', () => {
  it('takes it over: another generation of the same, and nothing is left of the one before', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(three, plainNode);
    const [before, chains] = [await rig.everything(), await rig.chains()];
    rig.restart();
    expect((await rig.foreigner.tables())[0]).not.toHaveProperty('ownerPortId');
    await rig.dataPlane.start(three, plainNode);
    expect((await rig.foreigner.tables())[0]).toHaveProperty('ownerPortId');
    expect(await rig.everything()).toEqual(before);
    expect((await rig.chains()).sort()).toEqual(chains.sort());
    expect(await rig.generations()).toEqual([2]);
  });

  it('keeps counters and remembered clients', async () => {
    const rig = new NodeRig();
    const sticky = ports(servicePort(1, [1, 2], { affinitySeconds: 600 }));
    await rig.dataPlane.start(sticky, plainNode);
    rig.kernel.count(table, { set: await rig.kernelName('service_ports4'), key: '10.96.0.1 . tcp . 80' }, 7);
    await rig.learn('192.0.2.1', '10.244.0.2 . 8080');
    for (let restarts = 0; restarts < 3; restarts++) {
      rig.restart();
      await rig.dataPlane.start(sticky, plainNode);
      expect(await rig.dataPlane.counters()).toMatchObject([{ service: 'service-1', connections: 7 }]);
      expect(await rig.contents('affinity4')).toEqual(['192.0.2.1 : 10.244.0.2 . 8080']);
    }
  });

  it('keeps remembered clients when their time-out is another one, and none of a Service that has gone', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(ports(servicePort(1, [1, 2], { affinitySeconds: 600 })), plainNode);
    await rig.learn('192.0.2.1', '10.244.0.2 . 8080');
    rig.restart();
    await rig.dataPlane.start(ports(servicePort(1, [1, 2], { affinitySeconds: 60 })), plainNode);
    expect(await rig.contents('affinity4')).toEqual(['192.0.2.1 : 10.244.0.2 . 8080']);
    rig.restart();
    await rig.dataPlane.start(ports(servicePort(2)), plainNode);
    expect([...(await rig.sets()).keys()]).not.toContain('affinity4');
  });

  it('says which frontends have gone, and forgets clients of endpoints that have', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(ports(servicePort(1), servicePort(2, [1, 2], { affinitySeconds: 600 })), plainNode);
    for (const endpoint of [1, 2]) await rig.learn(`192.0.2.${endpoint}`, `10.244.0.${endpoint} . 8080`);
    rig.restart();
    const changed = ports(servicePort(2, [2], { affinitySeconds: 600 }), servicePort(3));
    const started = await rig.dataPlane.start(changed, plainNode);
    expect(started.removedFrontends).toEqual([{ family: 4, protocol: 'tcp', address: addressOf(1), port: 80 }]);
    expect(await rig.contents('services4')).toEqual([
      expect.stringMatching(/^10\.96\.0\.2 \. tcp \. 80 : goto affinity_random4_1_\w+$/),
      '10.96.0.3 . tcp . 80 : goto random4_1',
    ]);
    expect(await rig.contents('affinity4')).toEqual(['192.0.2.2 : 10.244.0.2 . 8080']);
    expect(await rig.chains()).not.toContain('random4_2');
  });

  it('puts rules right that somebody changed', async () => {
    const rig = new NodeRig({ owner: false, persist: false });
    await rig.dataPlane.start(three, plainNode);
    const before = linesOf(rig);
    await rig.foreigner.commit(new Transaction(table).flushChain('services4.1').flushChain('random4_2.1'));
    rig.restart();
    await rig.dataPlane.start(three, plainNode);
    expect(linesOf(rig)).toEqual(before);
  });
});

describe('a start on a node where the table is somebody else’s', () => {
  it('touches nothing while another agent runs, and says whose it is', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(three, plainNode);
    const before = String(rig.kernel);
    const second = rig.openAnother();
    const start = second.start(three, plainNode);
    await expect(start).rejects.toThrow(ForeignStateError);
    await expect(start).rejects.toThrow('is a second nftproxy agent running on this node?');
    await expect(second.remove()).rejects.toThrow(ForeignStateError);
    expect(String(rig.kernel)).toBe(before);
    rig.dataPlane.close();
    await second.start(three, plainNode);
    expect(second.served.size).toBe(3);
  });

  it('touches nothing that nftproxy did not make', async () => {
    const rig = new NodeRig();
    await rig.foreigner.commit(new Transaction(table).addTable({ comment: 'mine' }).addChain({ name: 'c' }));
    const before = String(rig.kernel);
    const start = rig.dataPlane.start(three, plainNode);
    await expect(start).rejects.toThrow(ForeignStateError);
    await expect(start).rejects.toThrow('its comment is "mine"');
    await expect(rig.dataPlane.remove()).rejects.toThrow(ForeignStateError);
    expect(String(rig.kernel)).toBe(before);
    await rig.foreigner.commit(new Transaction(table).deleteTable());
    await rig.dataPlane.start(three, plainNode);
    expect(await rig.contents('services4')).toHaveLength(3);
  });
});

describe('a start that the kernel refuses', () => {
  it('sets the Service ports aside that are at fault, says why, and serves all others', async () => {
    const rig = new NodeRig();
    rig.refuse(({ key }) => (/10\.96\.0\.[24] /.test(key) ? 'EINVAL' : undefined));
    const started = await rig.dataPlane.start(ports(...[1, 2, 3, 4].map((each) => servicePort(each))), plainNode);
    expect(started.refused.map(({ id }) => id).sort()).toEqual([idOf(2), idOf(4)]);
    expect(started.refused[0]?.reason).toContain('10.96.0.2 . tcp . 80');
    expect([...rig.dataPlane.served.keys()]).toEqual([idOf(1), idOf(3)]);
    expect(await rig.contents('services4')).toHaveLength(2);
  });

  it('blames an element that two Service ports share on one of them', async () => {
    const rig = new NodeRig();
    rig.refuse(({ set }) => (set === 'hairpin4' ? 'EINVAL' : undefined));
    const local = [{ address: '10.244.0.9', port: 8080, local: true, weight: 1 }];
    const sharing = [1, 2].map((each) => servicePort(each, [], { clusterEndpoints: local, hasAnyEndpoints: true }));
    const started = await rig.dataPlane.start(ports(...sharing, servicePort(3)), plainNode);
    expect(started.refused.map(({ id }) => id).sort()).toEqual([idOf(1), idOf(2)]);
    expect(await rig.contents('cluster_ips4')).toEqual([addressOf(3)]);
  });

  it('blames no Service port for what is nobody’s fault, and may be tried again', async () => {
    for (const code of ['ENOMEM', 'EPERM', 'ERESTART']) {
      const rig = new NodeRig();
      await rig.dataPlane.remove();
      rig.kernel.failNext(code);
      await expect(rig.dataPlane.start(three, plainNode)).rejects.toMatchObject({ code });
      expect(rig.dataPlane.served.size).toBe(0);
      const started = await rig.dataPlane.start(three, plainNode);
      expect(started.refused).toEqual([]);
      expect(await rig.contents('services4')).toHaveLength(3);
    }
  });

  it('may be tried again when an answer got lost, whether the transaction was applied or not', async () => {
    for (const applied of [true, false]) {
      const rig = new NodeRig();
      await rig.dataPlane.remove();
      rig.kernel.loseNextAnswer({ applied });
      const lost = await rig.dataPlane.start(three, plainNode).catch((error: unknown) => error);
      expect(lost).toBeInstanceOf(CommitError);
      expect(lost).toMatchObject({ stateUnknown: true });
      await rig.dataPlane.start(three, plainNode);
      expect(await rig.contents('services4')).toHaveLength(3);
      expect(await rig.chains()).toContain('prerouting_first');
    }
  });
});

describe('the removal of the table', () => {
  it('leaves nothing of ours and all of others, and says what it was', async () => {
    const rig = new NodeRig();
    await rig.foreigner.commit(new Transaction('theirs').addTable());
    await rig.dataPlane.start(three, plainNode);
    expect(await rig.dataPlane.remove()).toBe('table inet nftproxy');
    expect((await rig.foreigner.tables()).map(({ name }) => name)).toEqual(['theirs']);
    expect(rig.dataPlane.served.size).toBe(0);
    expect(await rig.dataPlane.remove()).toBeUndefined();
    await rig.dataPlane.start(three, plainNode);
    expect(await rig.contents('services4')).toHaveLength(3);
  });

  it('works after a restart, by whoever comes', async () => {
    const rig = new NodeRig();
    await rig.dataPlane.start(three, plainNode);
    rig.restart();
    expect(await rig.dataPlane.remove()).toBe('table inet nftproxy');
    expect(await rig.foreigner.tables()).toEqual([]);
  });
});
