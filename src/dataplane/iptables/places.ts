import type { Family, Frontend, Protocol, ServicePort } from '../../services/index.ts';
import type { ConnectionCount, DesiredPort, FrontendAddress } from '../data-plane.ts';
import type { Chains } from './chains.ts';
import { rule, to, toPorts, withLength } from './words.ts';

/** What a packet to a frontend matches, in the tree that leads to its Service port. */
export function placeOf(frontend: Frontend, protocol: Protocol): string {
  const address = frontend.kind === 'NodePort' ? '' : to(withLength(frontend.address));
  return rule(address, toPorts(protocol, frontend.port));
}

const frontendRule = /^((?:-d ([^/ ]+)\/\d+ )?-p (tcp|udp|sctp) -m \w+ --dport (\d+)) -g /;

/** The frontends that chains of one family translate. */
export function frontendsIn(chains: Chains, family: Family): FrontendAddress[] {
  const rules = [...chains].flatMap(([key, all]) => (key.startsWith('nat ') ? all : []));
  return rules.flatMap((text) => {
    const [, , address, protocol, port] = frontendRule.exec(text) ?? [];
    if (protocol === undefined) return [];
    const place = { family, protocol: protocol as Protocol, port: Number(port) };
    return [address === undefined ? place : { ...place, address }];
  });
}

/**
 * New connections per frontend: the packets that its rule has sent on, as table nat sees the first one alone.
 *
 * @param counts by family, packets by `chain rule`
 */
export function connectionCounts(
  counts: ReadonlyMap<Family, ReadonlyMap<string, number>>,
  served: Iterable<DesiredPort>,
): ConnectionCount[] {
  const packets = new Map<string, number>();
  for (const [family, rules] of counts) {
    for (const [line, count] of rules) {
      const [, place] = frontendRule.exec(line.slice(line.indexOf(' ') + 1)) ?? [];
      if (place !== undefined) packets.set(`${family} ${place}`, count);
    }
  }
  const countOf = (port: ServicePort, frontend: Frontend): ConnectionCount => ({
    ...{ namespace: port.namespace, service: port.name, port: port.portName },
    ...{ protocol: port.protocol, family: port.family, frontend: frontend.kind },
    connections: packets.get(`${port.family} ${placeOf(frontend, port.protocol)}`) ?? 0,
  });
  return Array.from(served).flatMap(({ port }) => port.frontends.map((frontend) => countOf(port, frontend)));
}
