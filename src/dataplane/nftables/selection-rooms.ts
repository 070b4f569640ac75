import {
  concat,
  dnatFromMap,
  drop,
  goto,
  ipSaddr,
  jhashMod,
  matchL4Protocol,
  matchL4Protocols,
  numgenInc,
  numgenRandom,
} from '../../nftables/index.ts';
import type { Statement, Value } from '../../nftables/index.ts';
import { affinityMapName } from './affinity-room.ts';
import type { Affinity, AffinityScope } from './affinity-room.ts';
import { render } from './base-chains.ts';
import { frontendFields } from './fields.ts';
import { protocols } from './keys.ts';
import type { Room } from './rooms.ts';
import { selectionNames } from './selection-names.ts';
import type { Selection } from './selection-names.ts';
import { requiredDefinition } from './sets.ts';

/** The same on every node, so that all nodes send a client to the same endpoint. */
export const hashSeed = 0x6e667470;

/** What must be there for a selection. */
export function selectionRooms(selection: Selection): Room[] {
  const { chain, map } = selectionNames(selection);
  const { only, slots } = selection;
  const room: Room = {
    name: chain,
    version: String(slots),
    kept: only === undefined,
    sets: [],
    chains: () => [render({ name: chain, ...(only && { comment: only.id.slice(0, 120) }) }, drawRules(selection, map))],
  };
  return only === undefined ? [room] : [shardRoom(map), room];
}

function shardRoom(map: string): Room {
  return { name: map, version: '', kept: false, sets: [requiredDefinition(map)], chains: () => [] };
}

function drawRules(selection: Selection, map: string): (readonly [string, ...Statement[]])[] {
  const { family, scope, only } = selection;
  const matchProtocol = only ? matchL4Protocol(only.protocol) : matchL4Protocols(protocols);
  const key = frontendFields(family, scope.startsWith('node_port_'));
  const translate = (slot: Value): Statement[] => [matchProtocol, dnatFromMap(family, concat(...key, slot), map)];
  // The second rule: a packet may look up the Service in one generation of the ruleset and the slot in the next, which
  // has fewer; slot 0 is always there. The last: a packet that still found nothing must not leave untranslated.
  return [
    ['', ...translate(draw(selection))],
    ['', ...translate(numgenRandom(1))],
    ['', drop()],
  ];
}

function draw({ method, family, slots }: Selection): Value {
  if (method === 'hash') return jhashMod([ipSaddr(family)], slots, hashSeed);
  return method === 'round_robin' ? numgenInc(slots) : numgenRandom(slots);
}

/** Of a Service port with affinity: the chain that asks for the client's endpoint before it goes on with `plain`. */
export function stickyRoom(plain: string, affinity: Affinity, scope: AffinityScope): Room {
  const { family, protocol, digest, port } = affinity;
  const name = `affinity_${plain}_${digest}`;
  const map = affinityMapName(scope, affinity);
  return {
    name,
    version: String(port ?? ''),
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
