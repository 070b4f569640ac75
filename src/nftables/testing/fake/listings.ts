import {
  chainAttribute,
  elementListAttribute,
  generationAttribute,
  nftMessage,
  ruleAttribute,
  setAttribute,
  tableAttribute,
} from '../../constants.ts';
import { encodeFlowtable, encodeSet, keyLength } from '../../objects/index.ts';
import { netfilterAttributes } from '../../../netlink/index.ts';
import type { Message, MessageWriter, Payload } from '../../../netlink/index.ts';
import { setOf } from './change.ts';
import { Refusal } from './refusal.ts';
import type { FakeSet, FakeTable, Ruleset } from './ruleset.ts';
import { storedElement, writeElement } from './stored-element.ts';
import type { StoredElement } from './stored-element.ts';
import { encodeMessage, isDump } from './wire.ts';
import type { Listed } from './wire.ts';

/** Elements in one page of a dump. */
const elementsPerPage = 200;

type Lister = (ruleset: Ruleset, attributes: Payload, request: Message) => Iterable<Listed>;

/** The objects that a request asks for. Throws Refusal. */
export function listingOf(ruleset: Ruleset, request: Message): Iterable<Listed> {
  const lister = listers[request.type & 0xff];
  if (lister === undefined) throw new Refusal('EINVAL');
  return lister(ruleset, netfilterAttributes(request), request);
}

const listers: Readonly<Record<number, Lister>> = {
  [nftMessage.getGeneration]: ({ generation }) => [
    { message: 'newGeneration', attributes: generationAttributes(generation) },
  ],
  [nftMessage.getTable]: (ruleset, attributes, request) => {
    const name = attributes.get(tableAttribute.name);
    const tables = name === undefined || isDump(request) ? ruleset.tables.values() : [tableNamed(ruleset, name)];
    return [...tables].map((table) => ({ message: 'newTable', attributes: tableAttributes(table) }));
  },
  [nftMessage.getChain]: (ruleset) => [...ruleset.tables.values()].flatMap(chainsOf),
  [nftMessage.getRule]: (ruleset, attributes) => {
    const table = ruleset.tables.get(attributes.get(ruleAttribute.table)?.string() ?? '');
    return table === undefined ? [] : rulesOf(table, attributes.get(ruleAttribute.chain)?.string());
  },
  [nftMessage.getSet]: (ruleset, attributes) => {
    const table = tableNamed(ruleset, attributes.get(setAttribute.table));
    const name = attributes.get(setAttribute.name);
    const sets = name === undefined ? table.sets.values() : [setOf(table, name)];
    return [...sets].map((set) => ({
      message: 'newSet',
      attributes: (writer) => {
        encodeSet(writer, table.name, set.definition, 1);
        writer.number(setAttribute.count, set.elements.size);
      },
    }));
  },
  [nftMessage.getFlowtable]: (ruleset) => [...ruleset.tables.values()].flatMap(flowtablesOf),
  [nftMessage.getElements]: (ruleset, attributes) => {
    const { table, set } = listedSet(ruleset, attributes);
    const keys = attributes.get(elementListAttribute.elements);
    return keys === undefined ? [] : elementsWithKeys(table, set, keys);
  },
};

function tableNamed(ruleset: Ruleset, name: Payload | undefined): FakeTable {
  const table = ruleset.tables.get(name?.string() ?? '');
  if (table === undefined) throw new Refusal('ENOENT');
  return table;
}

function generationAttributes(generation: number): Listed['attributes'] {
  return (writer) => {
    writer.number(generationAttribute.id, generation);
    writer.number(generationAttribute.processId, process.pid);
    writer.string(generationAttribute.processName, 'fake');
  };
}

function tableAttributes(table: FakeTable): Listed['attributes'] {
  return (writer) => {
    writer.string(tableAttribute.name, table.name);
    writer.number(tableAttribute.flags, table.flags);
    if (table.userData !== undefined) writer.binary(tableAttribute.userData, table.userData);
    if (table.owner !== 0) writer.number(tableAttribute.owner, table.owner);
  };
}

function chainsOf(table: FakeTable): Listed[] {
  const uses = table.chainUses();
  return [...table.chains.values()].map((chain) => ({
    message: 'newChain',
    attributes: (writer) => {
      writer.raw(chain.attributes);
      writer.bigNumber(chainAttribute.handle, chain.handle);
      writer.number(chainAttribute.use, chain.rules.length + (uses.get(chain.name) ?? 0));
    },
  }));
}

function flowtablesOf({ name: table, flowtables }: FakeTable): Listed[] {
  return [...flowtables].map(([name, devices]) => ({
    message: 'newFlowtable',
    attributes: (writer) => encodeFlowtable(writer, table, { name, devices: [...devices] }),
  }));
}

function rulesOf(table: FakeTable, only: string | undefined): Listed[] {
  const chains = [...table.chains.values()].filter(({ name }) => only === undefined || name === only);
  return chains.flatMap((chain) =>
    chain.rules.map(({ handle, userData, expressions }) => ({
      message: 'newRule',
      attributes: (writer: MessageWriter) => {
        writer.string(ruleAttribute.table, table.name);
        writer.string(ruleAttribute.chain, chain.name);
        writer.bigNumber(ruleAttribute.handle, handle);
        if (expressions !== undefined) {
          const nested = writer.beginNested(ruleAttribute.expressions);
          writer.raw(expressions);
          writer.endAttribute(nested);
        }
        if (userData !== undefined) writer.binary(ruleAttribute.userData, userData);
      },
    })),
  );
}

export function isElementDump(request: Message): boolean {
  return isDump(request) && (request.type & 0xff) === nftMessage.getElements;
}

/**
 * All elements of a set, page by page: each goes on by the number of elements that were passed, in what the set holds by
 * then. nf_tables_dump_set
 */
export function* elementPages(current: () => Ruleset, request: Message): Generator<Listed> {
  for (let passed = 0; ; passed += elementsPerPage) {
    const { table, set } = listedSet(current(), netfilterAttributes(request));
    const page = [...set.elements.values()].slice(passed, passed + elementsPerPage);
    if (page.length === 0) return;
    yield elementList(table, set, page);
  }
}

/** What listeners hear of a change: what was asked, but of a set that is emptied all that was in it. */
export function toldOf(before: Ruleset, change: Message): Message[] {
  const attributes = netfilterAttributes(change);
  const named = attributes.get(elementListAttribute.elements) !== undefined;
  if (named || (change.type & 0xff) !== nftMessage.deleteElements) return [change];
  const table = before.tables.get(attributes.get(elementListAttribute.table)?.string() ?? '');
  // Made in the same batch.
  if (table?.sets.get(attributes.get(elementListAttribute.set)?.string() ?? '') === undefined) return [];
  return [...elementPages(() => before, change)].map((listed) =>
    encodeMessage({ ...listed, message: 'deleteElements' }),
  );
}

function listedSet(ruleset: Ruleset, attributes: Payload): { table: FakeTable; set: FakeSet } {
  const table = tableNamed(ruleset, attributes.get(elementListAttribute.table));
  return { table, set: setOf(table, attributes.get(elementListAttribute.set)) };
}

/** One message for each, up to the first that is not there. */
function* elementsWithKeys(table: FakeTable, set: FakeSet, keys: Payload): Generator<Listed> {
  for (const [, item] of keys.attributes()) {
    const key = storedElement(item);
    if (key.key.length !== keyLength(set.definition.key)) throw new Refusal('EINVAL');
    const element = set.elements.find(key);
    if (element === undefined) throw new Refusal('ENOENT');
    yield elementList(table, set, [element]);
  }
}

function elementList(table: FakeTable, set: FakeSet, elements: readonly StoredElement[]): Listed {
  return {
    message: 'newElements',
    attributes: (writer) => {
      writer.string(elementListAttribute.table, table.name);
      writer.string(elementListAttribute.set, set.definition.name);
      const list = writer.beginNested(elementListAttribute.elements);
      for (const element of elements) writeElement(writer, element, set.definition.counter === true);
      writer.endAttribute(list);
    },
  };
}
