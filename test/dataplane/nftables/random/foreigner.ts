import fc from 'fast-check';
import { drop, goto, Transaction } from '../../../../src/nftables/index.ts';
import type { NftablesSocket, SetInfo } from '../../../../src/nftables/index.ts';
import type { Namespace } from '../../../support/index.ts';

const table = 'nftproxy';

/** Another program on the node. */
interface Foreigner {
  readonly namespace: Namespace;
  readonly socket: NftablesSocket;
}

/** What it may do: to one of several things, of which `nth` chooses. Returns what is left to be committed. */
type Deed = (foreigner: Foreigner, nth: number) => Promise<Transaction | undefined>;

const deeds = {
  'commits elsewhere': async ({ socket }, nth) => {
    for (let commits = 0; commits <= nth % 5; commits++) {
      await socket.commit(new Transaction('elsewhere').addTable().addChain({ name: 'c' }));
      await socket.commit(new Transaction('elsewhere').deleteTable());
    }
    return undefined;
  },
  'flushes the ruleset': async ({ namespace }) => {
    await namespace.nft('flush ruleset');
    return undefined;
  },
  // As a saved one, for instance: a table without an owner stays so.
  'loads another ruleset': async ({ namespace }) => {
    await namespace.nft(`flush ruleset\nadd table inet ${table} { comment "nftproxy data plane"; }`);
    return undefined;
  },
  'switches our table off': async ({ namespace, socket }) => {
    // What nft would make would be a table of its own.
    if (!(await socket.tables()).some(({ name }) => name === table)) return undefined;
    await namespace.nft(`add table inet ${table} { flags dormant; }`);
    return undefined;
  },
  'deletes our table': () => Promise.resolve(ours().deleteTable()),
  'flushes one of our chains': async ({ socket }, nth) => ours().flushChain(pick(await socket.chains(table), nth).name),
  'deletes one of our base chains': async ({ socket }, nth) => {
    const chains = (await socket.chains(table)).filter(({ base }) => base);
    const { name } = pick(chains, nth);
    return ours().flushChain(name).deleteChain(name);
  },
  'adds a rule of its own to one of our chains': async ({ socket }, nth) => {
    const { name: chain } = pick(await socket.chains(table), nth);
    return ours()
      .addChain({ name: 'theirs' })
      .addRule({ chain, statements: [goto('theirs')] });
  },
  'deletes one of our sets': async ({ socket }, nth) => {
    const tx = ours();
    for (const { name } of await socket.chains(table)) tx.flushChain(name);
    return tx.deleteSet(pick(await socket.sets(table), nth).name);
  },
  'adds a chain and a set of its own to our table': () =>
    Promise.resolve(
      ours()
        .addChain({ name: 'theirs' })
        .addSet({ name: 'theirs', key: ['inet_service'] }),
    ),
  'adds a base chain of its own to our table': (_foreigner, nth) =>
    Promise.resolve(
      ours()
        .addChain({ name: `hook${nth % 3}`, base: { type: 'nat', hook: 'prerouting', priority: -150 + (nth % 3) } })
        .addRule({ chain: `hook${nth % 3}`, statements: [drop()] }),
    ),
  'adds an element': async ({ socket }, nth) => {
    const sets = (await socket.sets(table)).filter(({ name }) => /^(cluster_ips|service_ports)4/.test(name));
    const { name, definition } = pick(sets, nth);
    const key = name.startsWith('cluster_ips') ? '10.96.0.250' : '10.96.0.250 . tcp . 80';
    return definition && ours().addElements(definition, [{ set: name, key }]);
  },
  'deletes an element': async ({ socket }, nth) => {
    const [set, element] = await elementOf(socket, await socket.sets(table), nth);
    return ours().deleteElements(set, [element]);
  },
  'changes a verdict': async ({ socket }, nth) => {
    const maps = (await socket.sets(table)).filter(({ definition }) => definition?.data === 'verdict');
    const [map, element] = await elementOf(socket, maps, nth);
    return ours()
      .deleteElements(map, [element])
      .addElements(map, [{ ...element, data: 'accept' }]);
  },
} satisfies Record<string, Deed>;

export interface Act {
  readonly what: keyof typeof deeds;
  readonly nth: number;
}

const kinds = Object.keys(deeds) as Act['what'][];

export const act: fc.Arbitrary<Act> = fc.record({ what: fc.constantFrom(...kinds), nth: fc.nat(500) });

/** What the kernel does not let it do, it does not do. */
export async function perform({ what, nth }: Act, foreigner: Foreigner): Promise<void> {
  const deed: Deed = deeds[what];
  try {
    const tx = await deed(foreigner, nth);
    if (tx) await foreigner.socket.commit(tx);
  } catch {
    // The table is owned, or what was to be changed is not there.
  }
}

function ours(): Transaction {
  return new Transaction(table);
}

/** An element of the first set, from the `nth` on, that has any. */
async function elementOf(socket: NftablesSocket, sets: readonly SetInfo[], nth: number) {
  for (const { definition } of rotated(sets, nth)) {
    const elements = definition ? await socket.elements(table, definition) : [];
    if (definition && elements.length > 0) return [definition, pick(elements, nth)] as const;
  }
  throw new Error('there is none');
}

function pick<T>(list: readonly T[], nth: number): T {
  const [one] = rotated(list, nth);
  if (one === undefined) throw new Error('there is none');
  return one;
}

function rotated<T>(list: readonly T[], nth: number): T[] {
  const at = list.length === 0 ? 0 : nth % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
