import { describe, expect, it } from 'vitest';
import { concat, dnatFromMap, goto, ipDaddr, l4proto, lookup, numgenRandom, thDport } from '../../nftables/index.ts';
import { jump, matchL4Protocols, Transaction, verdictMap } from '../../nftables/index.ts';
import type { ServicePort } from '../../services/index.ts';
import type { DataPlane, DesiredPort, NodeSettings } from '../data-plane.ts';
import { parseKernelName } from './generation.ts';
import { takeInventory } from './inventory.ts';
import { tableComment } from './claim.ts';
import { protocols } from './keys.ts';
import { requiredDefinition } from './sets.ts';
import { addressOf, becomeFormer, NodeRig, plainNode, ports, servicePort, table } from './testing/index.ts';

type Ports = ReadonlyMap<string, DesiredPort>;

/** What an agent does when it is killed. */
interface Story {
  /** How the node is before that. */
  readonly prepare: () => Promise<NodeRig>;
  readonly act: (dataPlane: DataPlane) => Promise<unknown>;
  readonly wanted: Ports;
  readonly node?: NodeSettings;
}

const someRanges = ['198.18.0.0/16', '10.0.0.0/8'];

function loadBalancer(number: number, sourceRanges: readonly string[], parts: Partial<ServicePort> = {}): DesiredPort {
  const address = addressOf(number);
  return servicePort(number, [number], {
    frontends: [{ kind: 'LoadBalancerIP', address, port: 80, policy: 'Cluster', sourceRanges }],
    ...parts,
  });
}

const wanted = ports(
  servicePort(1, [1, 2, 5], { affinitySeconds: 60 }),
  servicePort(2, [3]),
  servicePort(3, []),
  servicePort(4, [4, 5], { algorithm: 'round-robin' }),
  loadBalancer(5, ['10.0.0.0/8'], { affinitySeconds: 5 }),
  loadBalancer(6, someRanges),
);
const earlier = ports(
  servicePort(1, [1]),
  servicePort(2, [3, 4], { affinitySeconds: 10 }),
  servicePort(4, [4, 5, 6], { algorithm: 'round-robin' }),
  loadBalancer(5, someRanges),
  loadBalancer(6, ['198.18.0.0/15']),
  servicePort(9, [1, 2, 3], { algorithm: 'round-robin' }),
);
const otherRules: NodeSettings = { ...plainNode, masqueradeAll: true, serviceCIDRs: ['10.96.0.0/16'] };

async function started(features: ConstructorParameters<typeof NodeRig>[0] = {}): Promise<NodeRig> {
  const rig = new NodeRig(features);
  await rig.dataPlane.start(earlier, plainNode);
  return rig;
}

async function restarted(features: ConstructorParameters<typeof NodeRig>[0] = {}): Promise<NodeRig> {
  const rig = await started(features);
  rig.restart();
  return rig;
}

/** As an agent left it that knew no generations: Service 1 goes to endpoint 7. */
async function olderLayout(): Promise<NodeRig> {
  const rig = new NodeRig();
  const key = concat(ipDaddr(4), l4proto(), thDport());
  const sets = ['service_ports4', 'services4', 'endpoints4'].map(requiredDefinition);
  const tx = new Transaction(table).addTable({ comment: `${tableComment}, layout 3` });
  for (const set of sets) tx.addSet(set);
  for (const name of ['random4_1', 'services', 'service4']) tx.addChain({ name });
  tx.addChain({ name: 'prerouting', base: { type: 'nat', hook: 'prerouting', priority: -100 } });
  const slot = concat(ipDaddr(4), l4proto(), thDport(), numgenRandom(1));
  const dnat = dnatFromMap(4, slot, 'endpoints4');
  tx.addRule({ chain: 'random4_1', statements: [matchL4Protocols(protocols), dnat] });
  tx.addRule({ chain: 'service4', statements: [verdictMap(key, 'services4')] });
  tx.addRule({ chain: 'services', statements: [lookup(key, 'service_ports4'), goto('service4')] });
  tx.addRule({ chain: 'prerouting', statements: [jump('services')] });
  const service = `${addressOf(1)} . tcp . 80`;
  const data: Readonly<Record<string, { key: string; data?: string }>> = {
    service_ports4: { key: service },
    services4: { key: service, data: 'goto random4_1' },
    endpoints4: { key: `${service} . 0`, data: '10.244.0.7 . 8080' },
  };
  for (const set of sets) tx.addElements(set, [{ set: set.name, key: '', ...data[set.name] }]);
  await rig.foreigner.commit(tx);
  return rig;
}

async function former(): Promise<NodeRig> {
  const rig = await started();
  await becomeFormer(rig);
  return rig;
}

const start = (dataPlane: DataPlane) => dataPlane.start(wanted, plainNode);
const noOwners = { owner: false, persist: false };

const stories: Readonly<Record<string, Story>> = {
  'a start that makes the table': { prepare: () => Promise.resolve(new NodeRig()), act: start, wanted },
  'a start on a kernel without owned tables': {
    prepare: () => Promise.resolve(new NodeRig(noOwners)),
    act: start,
    wanted,
  },
  'a start that takes over another state': { prepare: restarted, act: start, wanted },
  'the same on a kernel without owned tables': { prepare: () => restarted(noOwners), act: start, wanted },
  'a start over an older layout': { prepare: olderLayout, act: start, wanted },
  'a start over the table of a version that was asked elsewhere': { prepare: former, act: start, wanted },
  'a change of settings that changes rules': {
    prepare: started,
    act: (dataPlane) => dataPlane.setNode(otherRules),
    wanted: earlier,
    node: otherRules,
  },
  'a change of Services that builds and clears rooms': {
    prepare: started,
    act: (dataPlane) =>
      dataPlane.apply(new Map([...[...earlier.keys()].map((id) => [id, undefined] as const), ...wanted])),
    wanted,
  },
};

/** What becomes of a client of each Service, by explaining. */
async function outcomes(rig: NodeRig): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const dataPlane = rig.openAnother();
  for (const number of [1, 2, 3, 4, 5, 6, 9]) {
    const packet = { source: '198.18.0.1', destination: addressOf(number), protocol: 'tcp' as const, port: 80 };
    const more = { fromHost: false, fromPod: true, toHost: false, masqueradeAll: false };
    const said = await dataPlane.explain({ ...packet, ...more }).catch(() => undefined);
    const { action = 'pass', endpoints = [] } = said ?? {};
    found.set(`Service ${number}`, [action, ...new Set(endpoints)].sort().join(' '));
  }
  dataPlane.close();
  return found;
}

/** The rules of the chains that packets may come to, by our names; and whether base chains lead there. */
async function rulesInForce({ foreigner }: NodeRig): Promise<Map<string, string>> {
  const exists = (await foreigner.tables()).some(({ name }) => name === table);
  const rules = new Map<string, string>();
  if (!exists) return rules;
  const { chains, inForce } = await takeInventory({ socket: foreigner, table });
  const ofAll = await foreigner.rules(table);
  for (const { name: kernelName, base } of chains) {
    const { name, generation } = parseKernelName(kernelName) ?? { name: kernelName };
    if (!base && generation !== inForce) continue;
    const own = ofAll.filter(({ chain }) => chain === kernelName);
    rules.set(name, base ? String(own.length) : own.map(({ fingerprint }) => fingerprint).join(';'));
  }
  return rules;
}

/** Kills the agent at its `n`-th request; false if it was done before. */
async function killedAt(rig: NodeRig, n: number, act: Story['act']): Promise<boolean> {
  const handle = rig.kernel.handle.bind(rig.kernel);
  let left = n;
  rig.kernel.handle = (request, portId) => {
    if (left-- <= 0) throw new Error('killed');
    return handle(request, portId);
  };
  // What it would do after its death, it does not.
  await act(rig.dataPlane).catch((error: unknown) => {
    expect(error).toMatchObject({ message: expect.stringContaining('killed') as string });
  });
  rig.kernel.handle = handle;
  return left < 0;
}

function expectEitherOf<Value>(found: Map<string, Value>, before: Map<string, Value>, after: Map<string, Value>): void {
  for (const [name, value] of found) expect([before.get(name), after.get(name)], name).toContain(value);
}

describe.each(Object.entries(stories))('%s', (_title, { prepare, act, wanted: ports, node = plainNode }) => {
  it('may be killed between any two requests: Services work as before or after, and the next start ends right', async () => {
    const done = await prepare();
    const [outcomesBefore, rulesBefore] = [await outcomes(done), await rulesInForce(done)];
    await act(done.dataPlane);
    const [outcomesAfter, rulesAfter] = [await outcomes(done), await rulesInForce(done)];
    const fresh = new NodeRig();
    await fresh.dataPlane.start(ports, node);
    const right = await fresh.everything();
    for (let n = 0, killed = true; killed; n++) {
      const rig = await prepare();
      killed = await killedAt(rig, n, act);
      const found = await rulesInForce(rig);
      expectEitherOf(found, rulesBefore, rulesAfter);
      expect([...found.keys()]).toEqual(
        expect.arrayContaining([...rulesBefore.keys()].filter((name) => rulesAfter.has(name))),
      );
      expectEitherOf(await outcomes(rig), outcomesBefore, outcomesAfter);
      rig.restart();
      await rig.dataPlane.start(ports, node);
      expect(await rig.everything(), `killed at request ${n}`).toEqual(right);
      expect(await rig.generations()).toHaveLength(1);
    }
  });
});
