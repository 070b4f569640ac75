import { definitionOf } from './sets.ts';
import type { TableState } from './plan.ts';
import type { NftablesSocket } from '../../nftables/index.ts';
import type { Frontend, ServicePort } from '../../services/index.ts';
import type { ConnectionCount } from '../../agent/index.ts';

/** New connections per Service port and kind of frontend, from the counters of the kernel's own elements. */
export async function connectionCounts(socket: NftablesSocket, state: TableState): Promise<ConnectionCount[]> {
  const owners = new Map<string, { port: ServicePort; frontend: Frontend['kind'] }>();
  for (const { port } of state.ports()) {
    for (const frontend of port.frontends) {
      const nodePort = frontend.kind === 'NodePort';
      const key = `${nodePort ? '' : `${frontend.address} . `}${port.protocol} . ${frontend.port}`;
      const set = `${nodePort ? 'node_ports' : 'service_ports'}${port.family}`;
      owners.set(`${set} ${key}`, { port, frontend: frontend.kind });
    }
  }
  const counts: ConnectionCount[] = [];
  for (const set of ['service_ports4', 'service_ports6', 'node_ports4', 'node_ports6']) {
    const definition = definitionOf(set);
    if (!definition) throw new Error(`no set ${set}`);
    for (const element of await socket.elements('nftproxy', definition)) {
      const owner = owners.get(`${set} ${element.key}`);
      if (!owner) continue;
      const { namespace, name, portName, protocol, family } = owner.port;
      counts.push({
        namespace,
        service: name,
        port: portName,
        protocol,
        family,
        frontend: owner.frontend,
        connections: element.packets ?? 0,
      });
    }
  }
  return counts;
}
