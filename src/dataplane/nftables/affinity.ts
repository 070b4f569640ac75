import { definitionOf } from './sets.ts';
import type { Element, NftablesSocket } from '../../nftables/index.ts';

const liveSet = /^(node_port_)?affine([46])_\d+$/;

/**
 * The remembered clients (`affinity4`, `affinity6`) whose endpoint is no longer one they may stay with, given the
 * elements that leave the live sets.
 */
export function forgottenClients(entries: Iterable<Element>, leaving: readonly Element[]): Element[] {
  const byService = new Set<string>();
  const byNodePort = new Set<string>();
  for (const { set, key } of leaving) {
    const match = liveSet.exec(set);
    if (match) (match[1] === undefined ? byService : byNodePort).add(key);
  }
  const forgotten: Element[] = [];
  for (const { set, key, data } of entries) {
    const [, ...frontend] = key.split(' . ');
    const [, ...nodePort] = frontend;
    const service = `${frontend.join(' . ')} . ${data ?? ''}`;
    if (byService.has(service) || byNodePort.has(`${nodePort.join(' . ')} . ${data ?? ''}`)) {
      forgotten.push({ set, key, ...(data === undefined ? {} : { data }) });
    }
  }
  return forgotten;
}

/** The families whose live sets lose elements. */
function familiesOf(leaving: readonly Element[]): Set<string> {
  return new Set(leaving.flatMap(({ set }) => liveSet.exec(set)?.[2] ?? []));
}

/**
 * Reads which clients must be forgotten when these elements leave. Costs a dump of the affinity map, and nothing when
 * no live set loses an element.
 */
export async function clientsToForget(
  socket: NftablesSocket,
  table: string,
  leaving: readonly Element[],
): Promise<Element[]> {
  const forgotten: Element[] = [];
  for (const family of familiesOf(leaving)) {
    const definition = definitionOf(`affinity${family}`);
    if (definition) forgotten.push(...forgottenClients(await socket.elements(table, definition), leaving));
  }
  return forgotten;
}
