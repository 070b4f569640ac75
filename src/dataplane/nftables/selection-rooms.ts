import {
  concat,
  dnatFromMap,
  drop,
  goto,
  ipSaddr,
  jhashMod,
  lookup,
  matchL4Protocol,
  matchL4Protocols,
  numgenInc,
  numgenRandom,
} from '../../nftables/index.ts';
import type { Statement, Value } from '../../nftables/index.ts';
import type { Family } from '../../services/index.ts';
import { affinityMapName } from './affinity-room.ts';
import type { Affinity, AffinityScope } from './affinity-room.ts';
import { render, renderPlain } from './base-chains.ts';
import type { RenderedChain } from './base-chains.ts';
import { frontendFields } from './fields.ts';
import { protocols } from './keys.ts';
import type { Room } from './rooms.ts';
import { countsSetOf, selectionNames } from './selection-names.ts';
import type { Scope, Selection } from './selection-names.ts';
import { requiredDefinition } from './sets.ts';

/** The same on every node, so that all nodes send a client to the same endpoint. */
export const hashSeed = 0x6e667470;

/** What must be there for a selection. */
export function selectionRooms(selection: Selection): Room[] {
  if (selection.only) return roundRobinRooms(selection, selection.only.id);
  const { chain: name, map } = selectionNames(selection);
  const chains = (): RenderedChain[] => [renderPlain({ name }, drawRules(selection, map))];
  return [{ name, version: String(selection.slots), kept: true, sets: [], chains }];
}

/** Numbers of slots for which a round-robin Service port keeps a rule. Each is one look-up for a new connection. */
const countsKept = 8;

/**
 * A rule for each of the last numbers of slots, and an element says which one draws: going from one to another, as every
 * rollout does, writes no rule. After a rule the kernel looks through all chains (docs/decisions/0029-nothing-waits-for-a-walk.md).
 */
function roundRobinRooms(selection: Selection, id: string): Room[] {
  const { chain: name, map } = selectionNames(selection);
  const drawOf = (count: string): Statement[][] => drawRules({ ...selection, slots: Number(count) }, map);
  const room: Room = {
    name,
    version: String(selection.slots),
    versionsServed: countsKept,
    kept: false,
    sets: [],
    chains: (counts) => [
      renderPlain({ name, comment: id.slice(0, 120) }, [...counts.flatMap(drawOf), [goto(firstChain(map))]]),
    ],
  };
  return [shardRoom(selection, map), room];
}

const firstChain = (map: string): string => `first_${map}`;

/** The map and the set that some round-robin Service ports share, and where they go on when a slot is not there. */
function shardRoom({ family, scope }: Selection, map: string): Room {
  return {
    name: map,
    version: '',
    kept: false,
    sets: [map, countsSetOf(map)].map(requiredDefinition),
    chains: () => [
      renderPlain({ name: firstChain(map) }, firstSlot(map, frontendFields(family, isNodePort(scope)), family)),
    ],
  };
}

const isNodePort = (scope: Scope): boolean => scope.startsWith('node_port_');

/** Rules by what they are made of: those of round robin are thousands, and few differ. */
const drawn = new Map<string, Statement[][]>();
const mostDrawn = 5000;

function drawRules(selection: Selection, map: string): Statement[][] {
  const { method, slots, only } = selection;
  const what = [map, method, slots, only?.protocol].join(' ');
  let rules = drawn.get(what);
  if (!rules) {
    if (drawn.size >= mostDrawn) drawn.clear();
    rules = makeRules(selection, map);
    drawn.set(what, rules);
  }
  return rules;
}

function makeRules(selection: Selection, map: string): Statement[][] {
  const { family, scope, slots, only } = selection;
  const key = frontendFields(family, isNodePort(scope));
  const toSlot = dnatFromMap(family, concat(...key, draw(selection)), map);
  if (!only) return [[matchL4Protocols(protocols), toSlot], ...firstSlot(map, key, family)];
  return [[matchL4Protocol(only.protocol), lookup(concat(...key, constant(slots)), countsSetOf(map)), toSlot]];
}

/** A number in the place of a slot, as `nft` can print and read it. */
const constant = (value: number): Value => numgenRandom(1, value);

/**
 * For a packet that looked up the Service in one generation of the ruleset and its slot in the next, which has fewer:
 * slot 0 is always there. One that still found nothing must not leave untranslated.
 */
function firstSlot(map: string, key: readonly Value[], family: Family): Statement[][] {
  return [[matchL4Protocols(protocols), dnatFromMap(family, concat(...key, numgenRandom(1)), map)], [drop()]];
}

function draw({ method, family, slots }: Selection): Value {
  if (method === 'hash') return jhashMod([ipSaddr(family)], slots, hashSeed);
  return method === 'round_robin' ? numgenInc(slots) : numgenRandom(slots);
}

/**
 * Of a Service port with affinity: the chain that asks for the client's endpoint before it goes on with `plain`. A port
 * that is in its rule is in its name: with another one it is another chain, and nobody meets it before its endpoints.
 */
export function stickyRoom(plain: string, affinity: Affinity, scope: AffinityScope): Room {
  const { family, protocol, digest, port } = affinity;
  const name = ['affinity', plain, ...(port === undefined ? [] : [port]), digest].join('_');
  const map = affinityMapName(scope, affinity);
  return {
    name,
    version: '',
    kept: false,
    sets: [],
    chains: () => [
      render({ name }, [
        ['', matchL4Protocol(protocol), dnatFromMap(family, ipSaddr(family), map, port)],
        ['', goto(plain)],
      ]),
    ],
  };
}
