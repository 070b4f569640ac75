import { table } from '../../../src/dataplane/nftables/testing/index.ts';
import type { NodeRig } from '../../../src/dataplane/nftables/testing/index.ts';
import { accept, CommitError, drop, goto, jump, Transaction } from '../../../src/nftables/index.ts';
import type { ChainInfo, Element, SetDefinition, Statement } from '../../../src/nftables/index.ts';
import type { Json } from '../engine/target.ts';

/** What a program of somebody else does to our table; `at` and `other` say to which of the chains, sets or elements that are there. */
interface Change {
  readonly do: keyof typeof changes;
  readonly at: number;
  readonly other: number;
  readonly text: string;
}

/** What is in our table. */
interface Present {
  readonly rig: NodeRig;
  readonly chains: readonly ChainInfo[];
  readonly sets: readonly SetDefinition[];
}

type Make = (tx: Transaction, present: Present, change: Change) => Promise<void> | void;

/** One of a list, whatever the number is; undefined of an empty one. */
function pick<Item>(list: readonly Item[], at: number): Item | undefined {
  return list[Math.abs(Math.trunc(at)) % list.length];
}

const chainAt = ({ chains }: Present, at: number): string => pick(chains, at)?.name ?? 'none';
const setAt = ({ sets }: Present, at: number): SetDefinition => pick(sets, at) ?? { name: 'none', key: ['ipv4_addr'] };
const elementsOf = ({ rig }: Present, set: SetDefinition): Promise<Element[]> => rig.foreigner.elements(table, set);

/** What a map with such data may hold, of any kind. */
function dataFor({ data }: SetDefinition, present: Present, at: number): { data?: string } {
  if (data === undefined) return {};
  if (data === 'verdict') return { data: pick(['drop', 'accept', `goto ${chainAt(present, at)}`], at) ?? 'drop' };
  return {
    data: data.map((type) => (type === 'ipv6_addr' ? 'fd00::9' : type === 'ipv4_addr' ? '10.9.9.9' : '9')).join(' . '),
  };
}

/** Makes a set anew as another one; nobody looks into it meanwhile. */
function made(tx: Transaction, present: Present, set: SetDefinition, anew: Partial<SetDefinition>): void {
  for (const { name } of present.chains) tx.flushChain(name);
  tx.deleteSet(set.name).addSet({ ...set, ...anew });
}

const statementsTo = ({ text }: Change, present: Present, other: number): Statement[] => {
  if (text.startsWith('goto')) return [goto(chainAt(present, other))];
  return text.startsWith('jump') ? [jump(chainAt(present, other))] : [text.startsWith('accept') ? accept() : drop()];
};

const changes = {
  flushChain: (tx, present, { at }) => void tx.flushChain(chainAt(present, at)),
  deleteChain: (tx, present, { at }) => void tx.flushChain(chainAt(present, at)).deleteChain(chainAt(present, at)),
  addRule: (tx, present, change) =>
    void tx.addRule({ chain: chainAt(present, change.at), statements: statementsTo(change, present, change.other) }),
  addChain: (tx, present, { text, at }) => {
    tx.addChain({ name: text }).addRule({ chain: text, statements: [jump(chainAt(present, at))] });
  },
  addBaseChain: (tx, present, { text, at, other }) => {
    const hook = pick(['prerouting', 'output', 'postrouting', 'input'] as const, at) ?? 'output';
    tx.addChain({ name: text, base: { type: 'nat', hook, priority: Math.trunc(other) % 400 } });
    tx.addRule({ chain: text, statements: [jump(chainAt(present, other))] });
  },
  flushSet: (tx, present, { at }) => void tx.flushSet(setAt(present, at).name),
  deleteSet: (tx, present, { at }) => {
    for (const { name } of present.chains) tx.flushChain(name);
    tx.deleteSet(setAt(present, at).name);
  },
  addSet: (tx, present, { at, text }) => void tx.addSet({ ...setAt(present, at), name: text }),
  makeSetAnew: (tx, present, { at, other }) => {
    const kinds: readonly Partial<SetDefinition>[] = [{ key: ['inet_service'] }, { counter: true }, { timeout: true }];
    made(tx, present, setAt(present, at), pick(kinds, other) ?? {});
  },
  deleteElement: async (tx, present, { at, other }) => {
    const set = setAt(present, at);
    const element = pick(await elementsOf(present, set), other);
    if (element) tx.deleteElements(set, [element]);
  },
  /** One that is there in another set of the same type, or the same with other data. */
  addElement: async (tx, present, { at, other }) => {
    const set = setAt(present, at);
    const alike = present.sets.filter(({ name, key }) => name !== set.name && key.join() === set.key.join());
    const key = pick(await elementsOf(present, pick(alike, other) ?? set), at)?.key;
    if (key !== undefined) tx.addElements(set, [{ set: set.name, key, ...dataFor(set, present, other) }]);
  },
  changeElement: async (tx, present, { at, other }) => {
    const set = setAt(present, at);
    const element = pick(await elementsOf(present, set), other);
    if (!element) return;
    tx.deleteElements(set, [element]).addElements(set, [
      { set: set.name, key: element.key, ...dataFor(set, present, other) },
    ]);
  },
  putBack: async (tx, present, { at, other }) => {
    const set = setAt(present, at);
    const element = pick(await elementsOf(present, set), other);
    if (element) tx.deleteElements(set, [element]).addElements(set, [element]);
  },
  addFlowtable: (tx, _present, { text }) => void tx.addFlowtable({ name: text, devices: [] }),
  deleteTable: (tx) => void tx.deleteTable(),
  makeTableAnew: (tx, _present, { text }) => void tx.deleteTable().addTable({ comment: text }),
} as const satisfies Record<string, Make>;

export const changeNames = Object.keys(changes);

/** Makes the changes that the kernel takes; what somebody cannot do is nobody's trouble. */
export async function makeForeignChanges(rig: NodeRig, input: Json): Promise<void> {
  for (const each of (Array.isArray(input) ? (input as readonly Json[]) : []).slice(0, 12)) {
    const change = changeOf(each);
    if (change === undefined) continue;
    const tx = new Transaction(table);
    try {
      const [chains, sets] = [await rig.foreigner.chains(table), await rig.foreigner.sets(table)];
      const make: Make = changes[change.do];
      await make(tx, { rig, chains, sets: sets.flatMap(({ definition }) => definition ?? []) }, change);
      if (tx.operations > 0) await rig.foreigner.commit(tx);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
}

/** By the kernel, or by what writes for it. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof CommitError || (error instanceof Error && ['SyntaxFault', 'NetlinkError'].includes(error.name))
  );
}

function changeOf(value: Json): Change | undefined {
  const {
    do: what,
    at,
    other,
    text,
  } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof what !== 'string' || !Object.hasOwn(changes, what)) return undefined;
  const number = (each: unknown): number => (typeof each === 'number' && Number.isFinite(each) ? each : 0);
  const name = typeof text === 'string' && /^[\w .,-]{1,100}$/.test(text) ? text : 'x';
  return { do: what as Change['do'], at: number(at), other: number(other), text: name };
}
