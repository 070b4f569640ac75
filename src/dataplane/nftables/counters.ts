import type { Element, SetDefinition } from '../../nftables/index.ts';
import type { Frontend, ServicePort } from '../../services/index.ts';
import type { ConnectionCount, DesiredPort, FrontendAddress } from '../data-plane.ts';
import { frontendKey, parseFrontendKey } from './keys.ts';
import { countingSets } from './sets.ts';

/** New connections per Service port and kind of frontend, from the counters of the kernel's own elements. */
export async function connectionCounts(
  elements: (set: SetDefinition) => Promise<readonly Element[]>,
  served: Iterable<DesiredPort>,
): Promise<ConnectionCount[]> {
  const owners = new Map<string, { port: ServicePort; frontend: Frontend['kind'] }>();
  for (const { port } of served) {
    for (const frontend of port.frontends) {
      const { family, protocol } = port;
      const key = frontendKey({ ...frontend, protocol });
      owners.set(`${family} ${key}`, { port, frontend: frontend.kind });
    }
  }
  const counts: ConnectionCount[] = [];
  for (const { family, definition } of countingSets) {
    for (const { key, packets } of await elements(definition)) {
      const owner = owners.get(`${family} ${key}`);
      if (owner) counts.push(countOf(owner, packets ?? 0));
    }
  }
  return counts;
}

function countOf(owner: { port: ServicePort; frontend: Frontend['kind'] }, connections: number): ConnectionCount {
  const { namespace, name, portName, protocol, family } = owner.port;
  return { namespace, service: name, port: portName, protocol, family, frontend: owner.frontend, connections };
}

/** The frontends among these elements: those of the counting sets, which have one for each. */
export function frontendsAmong(elements: Iterable<{ set: string; key: string }>): FrontendAddress[] {
  const families = new Map(countingSets.map(({ family, definition }) => [definition.name, family]));
  const frontends: FrontendAddress[] = [];
  for (const { set, key } of elements) {
    const family = families.get(set);
    const place = parseFrontendKey(key);
    if (family !== undefined && place) frontends.push({ family, ...place });
  }
  return frontends;
}
