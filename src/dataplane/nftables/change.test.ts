import { describe, expect, it } from 'vitest';
import { Transaction } from '../../nftables/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { Applied, Changes } from '../data-plane.ts';
import { idOf, NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

const sticky: Partial<ServicePort> = { affinitySeconds: 600 };

/** A node that serves Service ports 1 to 3. */
async function started(features?: ConstructorParameters<typeof NodeRig>[0]): Promise<NodeRig> {
  const rig = new NodeRig(features);
  await rig.dataPlane.start(ports(servicePort(1), servicePort(2), servicePort(3)), plainNode);
  return rig;
}

/** Service ports that are gone. */
function gone(...numbers: readonly number[]): Changes {
  return new Map(numbers.map((number) => [idOf(number), undefined]));
}

const refusedOf = ({ refused }: Applied): string[] => refused.map(({ id }) => id).sort();

describe('a change', () => {
  it('writes the elements that differ, in one transaction', async () => {
    const rig = await started();
    const generation = await rig.generation();
    const { written } = await rig.dataPlane.apply(ports(servicePort(2, [7])));
    // The slot of the endpoint: one deleted, one added.
    expect(written).toMatchObject({ transactions: 1, elements: 2 });
    expect(await rig.generation()).toBe(generation + 1);
    expect(await rig.contents('endpoints4')).toContain('10.96.0.2 . tcp . 80 . 0 : 10.244.0.7 . 8080');
    expect(await rig.contents('endpoints4')).toHaveLength(3);
  });

  it('that is none writes nothing', async () => {
    const rig = await started();
    const generation = await rig.generation();
    expect((await rig.dataPlane.apply(ports(servicePort(2)))).written.elements).toBe(0);
    expect(await rig.generation()).toBe(generation);
  });

  it('makes the chain for a new number of endpoints before a verdict names it', async () => {
    const rig = await started();
    const generation = await rig.generation();
    expect((await rig.dataPlane.apply(ports(servicePort(2, [1, 2, 3, 4, 5])))).written.transactions).toBe(2);
    expect(await rig.generation()).toBe(generation + 2);
    expect(await rig.contents('services4')).toContain('10.96.0.2 . tcp . 80 : goto random4_5');
  });

  it('takes away all of a Service port that is gone, and the chain that it had for itself', async () => {
    const rig = await started();
    const before = await rig.everything();
    const mine = servicePort(4, [1, 2, 3], { ...sticky, algorithm: 'round-robin' });
    await rig.dataPlane.apply(ports(mine));
    expect((await rig.chains()).some((name) => name.startsWith('round_robin'))).toBe(true);
    await rig.dataPlane.apply(gone(4));
    expect(await rig.everything()).toEqual(before);
    expect((await rig.chains()).some((name) => name.startsWith('round_robin'))).toBe(false);
    expect([...rig.dataPlane.served.keys()]).toEqual([1, 2, 3].map(idOf));
  });

  it('hands a frontend from one Service port to another', async () => {
    const rig = await started();
    const { frontends } = servicePort(2).port;
    await rig.dataPlane.apply(new Map([...gone(2), ...ports(servicePort(5, [5], { frontends }))]));
    expect(await rig.contents('endpoints4')).toContain('10.96.0.2 . tcp . 80 . 0 : 10.244.0.5 . 8080');
    expect(await rig.contents('services4')).toHaveLength(3);
  });
});

describe('a change that the kernel refuses', () => {
  it('leaves out the Service ports at fault; they keep their old state and all others are served', async () => {
    const rig = await started();
    rig.refuse(({ data }) => (data === '10.244.0.66 . 8080' ? 'ENFILE' : undefined));
    const applied = await rig.dataPlane.apply(ports(servicePort(2, [66]), servicePort(4), servicePort(5, [66])));
    expect(refusedOf(applied)).toEqual([idOf(2), idOf(5)]);
    expect(applied.refused[0]?.reason).toContain('raise its size');
    expect(await rig.contents('endpoints4')).toEqual(
      [1, 2, 3, 4].map((each) => `10.96.0.${each} . tcp . 80 . 0 : 10.244.0.${each} . 8080`),
    );
    expect([...rig.dataPlane.served.keys()].sort()).toEqual([1, 2, 3, 4].map(idOf));
    rig.refuse(() => undefined);
    expect(refusedOf(await rig.dataPlane.apply(ports(servicePort(2, [66]))))).toEqual([]);
    expect(rig.dataPlane.served.get(idOf(2))).toEqual(servicePort(2, [66]));
  });

  it('because the kernel holds something else than we believe is thrown, and a start puts it right', async () => {
    const rig = await started({ owner: false, persist: false });
    await rig.foreigner.commit(new Transaction(table).flushSet('services4.1'));
    await expect(rig.dataPlane.apply(ports(servicePort(2, [1, 2]), servicePort(3, [1, 2])))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    const all = ports(servicePort(1), servicePort(2, [1, 2]), servicePort(3, [1, 2]));
    expect(refusedOf(await rig.dataPlane.start(all, plainNode))).toEqual([]);
    expect(await rig.contents('services4')).toHaveLength(3);
  });

  it('is no surprise for one that was refused before, and harms no other', async () => {
    const rig = await started();
    rig.refuse(({ key }) => (key.startsWith('10.96.0.4 ') ? 'EEXIST' : undefined));
    await expect(rig.dataPlane.apply(ports(servicePort(4), servicePort(5)))).rejects.toMatchObject({ code: 'EEXIST' });
    const retried = await rig.dataPlane.apply(ports(servicePort(4), servicePort(5)), new Set([idOf(4)]));
    expect(refusedOf(retried)).toEqual([idOf(4)]);
    expect([...rig.dataPlane.served.keys()]).toContain(idOf(5));
  });

  it('for no fault of a Service port changes nothing, and may be tried again', async () => {
    for (const code of ['ENOMEM', 'ERESTART', 'EPERM']) {
      const rig = await started();
      const before = await rig.everything();
      rig.kernel.failNext(code);
      await expect(rig.dataPlane.apply(ports(servicePort(2, [7]), servicePort(4)))).rejects.toMatchObject({ code });
      expect(await rig.everything()).toEqual(before);
      expect(rig.dataPlane.served.get(idOf(2))).toEqual(servicePort(2));
      await rig.dataPlane.apply(ports(servicePort(2, [7]), servicePort(4)));
      expect(await rig.contents('services4')).toHaveLength(4);
    }
  });

  it('or perhaps not, as the answer got lost, is looked at by a start', async () => {
    for (const applied of [true, false]) {
      const rig = await started();
      rig.kernel.loseNextAnswer({ applied });
      const changes = ports(servicePort(2, [7]), servicePort(3, [8]));
      await expect(rig.dataPlane.apply(changes)).rejects.toMatchObject({ stateUnknown: true });
      const all = ports(servicePort(1), servicePort(2, [7]), servicePort(3, [8]));
      await rig.dataPlane.start(all, plainNode);
      expect(await rig.contents('endpoints4')).toEqual([
        '10.96.0.1 . tcp . 80 . 0 : 10.244.0.1 . 8080',
        '10.96.0.2 . tcp . 80 . 0 : 10.244.0.7 . 8080',
        '10.96.0.3 . tcp . 80 . 0 : 10.244.0.8 . 8080',
      ]);
    }
  });

  it('in its new chain only is tried again whole', async () => {
    const rig = await started();
    rig.kernel.failNext('ENOMEM');
    const wide = ports(servicePort(2, [1, 2, 3]), servicePort(4));
    await expect(rig.dataPlane.apply(wide)).rejects.toMatchObject({ code: 'ENOMEM' });
    await rig.dataPlane.apply(wide);
    expect(await rig.contents('services4')).toContain('10.96.0.2 . tcp . 80 : goto random4_3');
  });
});

describe("the node's settings", () => {
  const node = { ...plainNode, serviceCIDRs: ['10.96.0.0/16'], nodePortAddresses: ['192.0.2.1/32'] };

  it('that are ranges are followed in one transaction, and no Service is touched', async () => {
    const rig = await started();
    const services = await rig.contents('services4');
    const generation = await rig.generation();
    await rig.dataPlane.setNode(node);
    expect(await rig.generation()).toBe(generation + 1);
    expect(await rig.contents('service_cidrs4')).toEqual(['10.96.0.0/16']);
    expect(await rig.contents('node_port_addresses4')).toEqual(['192.0.2.1']);
    await rig.dataPlane.setNode({ ...node, serviceCIDRs: ['10.97.0.0/16'] });
    expect(await rig.contents('service_cidrs4')).toEqual(['10.97.0.0/16']);
    expect(await rig.contents('services4')).toEqual(services);
    expect(await rig.generations()).toEqual([1]);
  });

  it('that change rules are followed by a new generation of everything', async () => {
    const rig = await started();
    const services = await rig.contents('services4');
    await rig.dataPlane.setNode({ ...node, masqueradeAll: true });
    expect(await rig.generations()).toEqual([2]);
    expect(await rig.contents('services4')).toEqual(services);
    expect(await rig.contents('service_cidrs4')).toEqual(['10.96.0.0/16']);
    expect(await rig.dataPlane.setNode({ ...node, masqueradeAll: true })).toMatchObject({ transactions: 0 });
  });

  it('may overlap: the kernel gets ranges that do not', async () => {
    const rig = await started();
    for (const serviceCIDRs of [
      ['10.96.0.0/28', '10.96.0.0/24'],
      ['10.96.0.0/12', '10.96.0.0/16'],
      ['0.0.0.0/0', '10.96.0.0/16'],
    ]) {
      await rig.dataPlane.setNode({ ...plainNode, serviceCIDRs });
    }
    expect(await rig.contents('service_cidrs4')).toEqual(['0.0.0.0/0']);
  });

  it('that the kernel refuses leave the old ones in force', async () => {
    const rig = await started();
    await rig.dataPlane.setNode(node);
    rig.kernel.failNext('ENOMEM');
    const next = { ...node, serviceCIDRs: ['10.97.0.0/16'], masqueradeAll: true };
    const before = String(rig.kernel);
    await expect(rig.dataPlane.setNode(next)).rejects.toMatchObject({ code: 'ENOMEM' });
    expect(String(rig.kernel)).toBe(before);
    await rig.dataPlane.setNode(next);
    expect(await rig.contents('service_cidrs4')).toEqual(['10.97.0.0/16']);
  });

  it('cannot be set before a start', async () => {
    await expect(new NodeRig().dataPlane.setNode(node)).rejects.toThrow('has not been started');
  });
});
