import {
  concat,
  deleteFromMap,
  drop,
  ipDaddr,
  ipSaddr,
  lookup,
  matchL4Protocol,
  thDport,
  updateMap,
} from '../../nftables/index.ts';
import type { Statement } from '../../nftables/index.ts';
import type { Endpoint, Family, Protocol, ServicePort } from '../../services/index.ts';
import { render } from './base-chains.ts';
import type { Room } from './rooms.ts';
import { requiredDefinition } from './sets.ts';

/**
 * Where one Service port remembers its clients. They are remembered by their address alone, so that one client has the
 * same endpoint through every address of the Service port; twice, if some frontends may use endpoints on this node only:
 * nobody may be remembered there for an endpoint that such a frontend would not choose.
 *
 * ```
 *   affinity4_<digest>   client -> endpoint          learn4_<digest>   remembers the endpoint of a new connection,
 *   live4_<digest>       endpoints it may be                            if it is live
 * ```
 *
 * An endpoint is remembered after the choice and only while it is live. So once it has left the live set, forgetting
 * those that stay with it is complete, and costs what this Service port remembers. Where that is too much, the room is
 * a crowded one, and the endpoint goes into `left4_<digest>`: its clients are forgotten one by one when they come, and
 * what they came with is dropped, so that it never gets to the endpoint; what they send next is a new choice.
 */
export interface Affinity {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly digest: string;
  readonly seconds: number;
  /** The one port that all endpoints have, if only their addresses are remembered; see `rememberedPort`. */
  readonly port: number | undefined;
}

export type AffinityScope = '' | 'local_';

/**
 * The port of all endpoints of an IPv6 Service port, if they have one and the same: then only addresses are remembered.
 * nft 1.0.6 cannot load a rule that remembers more than 16 bytes, so a listing of the host's ruleset could not be loaded
 * at all. (Endpoints of different ports are as rare as that version will be.)
 */
export function rememberedPort({ family, clusterEndpoints, localEndpoints }: ServicePort): number | undefined {
  if (family === 4) return undefined;
  const ports = new Set([...clusterEndpoints, ...localEndpoints].map(({ port }: Endpoint) => port));
  const [port] = ports;
  return ports.size === 1 ? port : undefined;
}

export function affinityMapName(scope: AffinityScope, { family, digest, port }: Affinity): string {
  return `${scope}affinity${port === undefined ? '' : '_address'}${family}_${digest}`;
}

export function liveSetName(scope: AffinityScope, affinity: Affinity): string {
  return liveSetOf(affinityMapName(scope, affinity));
}

export function learnChainName({ family, digest }: Affinity): string {
  return `learn${family}_${digest}`;
}

/** The room that has a map of clients. */
export function roomOf(map: string): string {
  return map.replace(/^(local_)?affinity(_address)?/, 'learn');
}

/** Where the endpoints are that have left while very many clients stayed with them, by any map of those clients. */
export function leftSetName(map: string): string {
  return map.replace(/^(local_)?affinity(_address)?/, 'left');
}

export function liveSetOf(map: string): string {
  return map.replace('affinity', 'live');
}

/** Whether a set has live endpoints of the Service port whose clients are in the map, in any scope. */
export function isLiveSetOf(set: string, map: string): boolean {
  const plain = (name: string): string => name.replace(/^local_/, '');
  return plain(set) === plain(liveSetOf(map));
}

export function isAffinityMap(setName: string): boolean {
  return /^(local_)?affinity(_address)?[46]_/.test(setName);
}

/** What an endpoint of a live set looks like in the map of those who stay with it. */
export function rememberedAs(liveSet: string, endpoint: string): { map: string; data: string } | undefined {
  const [match, address] = /^(?:local_)?live(_address)?[46]_/.exec(liveSet) ?? [];
  if (match === undefined) return undefined;
  const map = liveSet.replace('live', 'affinity');
  return { map, data: address === undefined ? endpoint : endpoint.slice(0, endpoint.indexOf(' ')) };
}

/** @param crowded whether very many clients are remembered there */
export function affinityRoom(affinity: Affinity, scopes: Iterable<AffinityScope>, crowded: boolean): Room {
  const { family, protocol, seconds, port } = affinity;
  const name = learnChainName(affinity);
  const sorted = [...scopes].sort();
  const endpoint = concat(ipDaddr(family), thDport());
  const remembered = port === undefined ? endpoint : ipDaddr(family);
  const left = leftSetName(affinityMapName('', affinity));
  const learn = (scope: AffinityScope): Statement[] => {
    return [
      matchL4Protocol(protocol),
      lookup(endpoint, liveSetName(scope, affinity)),
      updateMap(affinityMapName(scope, affinity), ipSaddr(family), remembered, seconds),
    ];
  };
  const forget: Statement[] = [
    matchL4Protocol(protocol),
    lookup(endpoint, left),
    ...sorted.map((scope) => lookup(endpoint, liveSetName(scope, affinity), { invert: true })),
    ...sorted.map((scope) => deleteFromMap(affinityMapName(scope, affinity), ipSaddr(family), remembered)),
    drop(),
  ];
  return {
    name,
    version: [seconds, port ?? '', crowded ? 'crowded' : '', ...sorted].join(' '),
    kept: false,
    sets: [
      ...sorted.flatMap((scope) => [
        requiredDefinition(affinityMapName(scope, affinity)),
        requiredDefinition(liveSetName(scope, affinity)),
      ]),
      ...(crowded ? [requiredDefinition(left)] : []),
    ],
    chains: () => [
      render({ name }, [
        ...sorted.map((scope) => ['', ...learn(scope)] as const),
        ...(crowded ? [['remembered, but it has left: the next packet is a new choice', ...forget] as const] : []),
      ]),
    ],
  };
}
