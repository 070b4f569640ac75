import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { drop, Transaction } from '../../nftables/index.ts';
import type { SetDefinition } from '../../nftables/index.ts';
import { NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

/** With a range of ClusterIPs. */
const node = { ...plainNode, serviceCIDRs: ['10.96.0.0/16'] };
const wanted = ports(servicePort(1), servicePort(2, [1, 2]), servicePort(3, [3], { affinitySeconds: 60 }));
const ours = (): Transaction => new Transaction(table);

const key = (number: number): string => `10.96.0.${number} . tcp . 80`;

/** Milliseconds that reading a set takes. */
const reading = 1;

/** A node whose kernel knows no owners, with a data plane that has written its table. */
async function startedRig(): Promise<NodeRig & { readonly sets: NodeRig['sets']; reads: number; requests: number }> {
  const rig = Object.assign(new NodeRig({ owner: false, persist: false }), { reads: 0, requests: 0 });
  await rig.dataPlane.start(wanted, node);
  const elements = rig.kernel.handle.bind(rig.kernel);
  rig.kernel.handle = (request, portId) => {
    rig.requests++;
    if (isElementDump(request)) {
      rig.reads++;
      vi.advanceTimersByTime(reading);
    }
    return elements(request, portId);
  };
  return rig;
}

/** NFT_MSG_GETSETELEM is 13; NLM_F_DUMP is 0x300. */
function isElementDump(request: Uint8Array): boolean {
  return request[4] === 13 && ((request[7] ?? 0) & 3) === 3;
}

async function definitionOf(rig: NodeRig, set: string): Promise<SetDefinition> {
  const definition = (await rig.sets()).get(set);
  if (!definition) throw new Error(`no set ${set}`);
  return definition;
}

async function changeElements(rig: NodeRig, set: string, o: { gone?: string; come?: string; data?: string }) {
  const definition = await definitionOf(rig, set);
  const tx = ours();
  const { gone, come, data } = o;
  if (gone !== undefined) tx.deleteElements(definition, [{ key: gone }]);
  const element = { set: definition.name, key: come ?? '', ...(data === undefined ? {} : { data }) };
  if (come !== undefined) tx.addElements(definition, [element]);
  await rig.foreigner.commit(tx);
}

const elsewhere = (rig: NodeRig) => rig.foreigner.commit(new Transaction('theirs').addTable().addChain({ name: 'c' }));
const elsewhereAgain = (rig: NodeRig) => rig.foreigner.commit(new Transaction('theirs').deleteTable());

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('where the kernel knows no owners, what others commit elsewhere', () => {
  it('is no reason to look at anything', async () => {
    const rig = await startedRig();
    await elsewhere(rig);
    const before = rig.requests;
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.requests).toBe(before);
  });

  it('costs nothing where there is nothing of ours', async () => {
    const rig = new NodeRig({ owner: false, persist: false });
    await elsewhere(rig);
    const before = await rig.generation();
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(await rig.generation()).toBe(before);
  });
});

describe('where the kernel knows no owners and had to leave out what others did', () => {
  const lost = async (rig: NodeRig): Promise<void> => {
    await elsewhere(rig);
    rig.kernel.loseNotifications();
    await elsewhereAgain(rig);
  };

  it('everything is compared once, then rules only, until the time for elements has come', async () => {
    const rig = await startedRig();
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.reads).toBe(0);
    await lost(rig);
    expect(await rig.dataPlane.verify()).toBe('intact');
    const once = rig.reads;
    expect(once).toBeGreaterThan(0);
    await lost(rig);
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.reads).toBe(once);
    // A twentieth of the time at most.
    vi.advanceTimersByTime(20 * once * reading);
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.reads).toBe(2 * once);
    vi.advanceTimersByTime(20 * once * reading);
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.reads).toBe(2 * once);
  });

  it('a verdict that is another one is noticed as soon as that time has come, a map that is empty at once', async () => {
    const rig = await startedRig();
    await lost(rig);
    expect(await rig.dataPlane.verify()).toBe('intact');
    const { reads } = rig;
    await changeElements(rig, 'services4', { gone: key(1), come: key(1), data: 'drop' });
    rig.kernel.loseNotifications();
    expect(await rig.dataPlane.verify()).toBe('intact');
    vi.advanceTimersByTime(20 * reads * reading);
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(wanted, node);
    await rig.foreigner.commit(ours().flushSet('services4.2'));
    rig.kernel.loseNotifications();
    expect(await rig.dataPlane.verify()).toBe('changed');
  });
});

const range = { set: 'service_cidrs4.1', key: '10.96.0.0/16' };

const changes: Readonly<Record<string, (rig: NodeRig) => Promise<unknown>>> = {
  'the table that is gone': (rig) => rig.foreigner.commit(ours().deleteTable()),
  'a rule that is another one': (rig) =>
    rig.foreigner.commit(
      ours()
        .flushChain('refuse.1')
        .addRule({ chain: 'refuse.1', statements: [drop()] }),
    ),
  'a rule more': (rig) => rig.foreigner.commit(ours().addRule({ chain: 'services.1', statements: [drop()] })),
  'rules of a base chain that are gone': (rig) => rig.foreigner.commit(ours().flushChain('output_first')),
  'a base chain more': (rig) =>
    rig.foreigner.commit(
      ours()
        .addChain({ name: 'theirs', base: { type: 'nat', hook: 'prerouting', priority: -150 } })
        .addRule({ chain: 'theirs', statements: [drop()] }),
    ),
  'a base chain that is gone': (rig) =>
    rig.foreigner.commit(ours().flushChain('output_first').deleteChain('output_first')),
  'a set that is gone': async (rig) => {
    const tx = ours();
    for (const { name } of await rig.foreigner.chains(table)) tx.flushChain(name);
    await rig.foreigner.commit(tx.deleteSet('hairpin4.1'));
  },
  'a set made anew with shorter keys': async (rig) => {
    const flushed = ours();
    for (const { name } of await rig.foreigner.chains(table)) flushed.flushChain(name);
    await rig.foreigner.commit(flushed.deleteSet('cluster_ips4.1'));
    const set = { name: 'cluster_ips4.1', key: ['inet_service'] } as const;
    await rig.foreigner.commit(
      ours()
        .addSet(set)
        .addElements(set, [{ set: set.name, key: '80' }]),
    );
  },
  'an element that is gone': (rig) => changeElements(rig, 'cluster_ips4', { gone: '10.96.0.1' }),
  'a live endpoint that is gone': (rig) => changeElements(rig, 'live4', { gone: '10.244.0.3 . 8080' }),
  'an element more': (rig) => changeElements(rig, 'service_ports4', { come: key(77) }),
  'a verdict that is another one': (rig) =>
    changeElements(rig, 'services4', { gone: key(1), come: key(1), data: 'drop' }),
  'a map that is empty': (rig) => rig.foreigner.commit(ours().flushSet('services4.1')),
  'a range that is gone': async (rig) =>
    rig.foreigner.commit(ours().deleteElements(await definitionOf(rig, 'service_cidrs4'), [range])),
  'an endpoint that is another one': (rig) =>
    changeElements(rig, 'endpoints4', { gone: `${key(1)} . 0`, come: `${key(1)} . 0`, data: '192.0.2.6 . 22' }),
};

describe('where the kernel knows no owners, what others change in our table', () => {
  it.each(Object.entries(changes))('is noticed and repaired: %s', async (_title, change) => {
    const rig = await startedRig();
    const before = await rig.everything();
    await change(rig);
    expect(await rig.dataPlane.verify()).toBe('changed');
    await rig.dataPlane.start(wanted, node);
    expect(await rig.everything()).toEqual(before);
    expect(await rig.dataPlane.verify()).toBe('intact');
  });

  it.each(Object.entries(changes))('is noticed though we commit right after it: %s', async (_title, change) => {
    const rig = await startedRig();
    await change(rig);
    // It may fail, and says so.
    await rig.dataPlane.apply(ports(servicePort(4, [4]))).catch(() => undefined);
    expect(await rig.dataPlane.verify()).toBe('changed');
  });

  it('is noticed at once, by a look at what was touched and nothing else', async () => {
    const rig = await startedRig();
    await changeElements(rig, 'services4', { gone: key(1), come: key(1), data: 'drop' });
    expect(await rig.dataPlane.verify()).toBe('changed');
    expect(rig.reads).toBe(0);
  });

  it('is nothing to repair if it is as before', async () => {
    const rig = await startedRig();
    await changeElements(rig, 'cluster_ips4', { gone: '10.96.0.1' });
    await changeElements(rig, 'cluster_ips4', { come: '10.96.0.1' });
    await rig.foreigner.commit(ours().addSet({ name: 'theirs', key: ['inet_service'] }));
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.reads).toBe(0);
  });

  it('is noticed however much it is', async () => {
    const rig = await startedRig();
    const definition = await definitionOf(rig, 'cluster_ips4');
    const many = Array.from({ length: 1500 }, (_, index) => ({
      set: definition.name,
      key: `10.97.${index >> 8}.${index & 255}`,
    }));
    await rig.foreigner.commit(ours().addElements(definition, many));
    const [, ...rest] = many;
    await rig.foreigner.commit(ours().deleteElements(definition, rest.slice(0, 1200)));
    expect(await rig.dataPlane.verify()).toBe('changed');
  });
});

describe('where the kernel knows no owners, what we change ourselves', () => {
  it('is no reason to look at anything', async () => {
    const rig = await startedRig();
    await rig.dataPlane.apply(ports(servicePort(4, [4])));
    await rig.dataPlane.setNode({ ...node, serviceCIDRs: ['10.96.0.0/12'] });
    expect(await rig.dataPlane.verify()).toBe('intact');
    expect(rig.reads).toBe(0);
  });

  it('while it is compared is no surprise, and does not hide what others changed', async () => {
    const rig = await startedRig();
    await elsewhere(rig);
    const verifying = rig.dataPlane.verify();
    await rig.dataPlane.apply(ports(servicePort(1, [7, 8]), servicePort(4, [4])));
    expect(await verifying).toBe('intact');
    vi.advanceTimersByTime(1000);
    expect(await rig.dataPlane.verify()).toBe('intact');
    await changeElements(rig, 'cluster_ips4', { gone: '10.96.0.2' });
    const again = rig.dataPlane.verify();
    await rig.dataPlane.apply(ports(servicePort(5, [5])));
    const found = await again;
    vi.advanceTimersByTime(1000);
    expect([found, await rig.dataPlane.verify()]).toContain('changed');
  });

  it.each([
    ['a Service that needs chains and sets of its own', { affinitySeconds: 5 }, node],
    ['another setting of the node that changes rules', {}, { ...node, masqueradeAll: true }],
  ])('while rules are looked at is no surprise either: %s', async (_title, parts, settings) => {
    // At every moment of the look.
    for (let moment = 0; moment < 80; moment += 4) {
      const rig = await startedRig();
      await elsewhere(rig);
      const verifying = rig.dataPlane.verify();
      for (let turn = 0; turn < moment; turn++) await Promise.resolve();
      if (settings !== node) await rig.dataPlane.setNode(settings);
      await rig.dataPlane.apply(ports(servicePort(6, [1, 2, 3], parts)));
      expect(await verifying, `moment ${moment}`).toBe('intact');
      vi.advanceTimersByTime(1000);
      expect(await rig.dataPlane.verify()).toBe('intact');
      await rig.foreigner.commit(ours().flushChain('output_first'));
      expect(await rig.dataPlane.verify()).toBe('changed');
    }
  });
});
