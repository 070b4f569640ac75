import type { Balance, SectionKind, Server } from '../../haproxy/index.ts';
import { serverName } from '../../haproxy/index.ts';
import type { Algorithm, Endpoint, ServicePort } from '../../services/index.ts';
import type { NodeSettings } from '../data-plane.ts';
import type { Scope, Tenant } from './section-pool.ts';

/** What HAProxy has for each algorithm. Its consistent hash takes the place of Maglev's. */
const balanceOf: Readonly<Record<Algorithm, Balance>> = {
  random: 'random',
  'round-robin': 'roundrobin',
  'least-connections': 'leastconn',
  'source-hash': 'source',
  maglev: 'source',
};

/**
 * Whether a Service port is to go through the proxy: by its own word, else by the node's. The API server's own Service only by
 * its own: behind the proxy every watch of every Pod would end with HAProxy, and all would come from the node.
 */
export function wantsProxy({ engine, protocol, namespace, name }: ServicePort, node: NodeSettings): boolean {
  const isApiServer = namespace === 'default' && name === 'kubernetes';
  return protocol === 'tcp' && (engine ?? (isApiServer ? undefined : node.engine)) === 'userspace';
}

/** The sections that a Service port needs: none without endpoints, as the table then refuses its connections. */
export function tenantsOf(port: ServicePort): Tenant[] {
  const scopes: readonly Scope[] = ['cluster', 'local'];
  const used = scopes.filter((scope) => isReached(port, scope) && serversFor(port, scope).size > 0);
  return used.map((scope) => ({ id: port.id, scope, kind: kindOf(port) }));
}

/** External frontends with policy Local go past the proxy, so that only a ClusterIP needs the endpoints of this node. */
function isReached({ frontends }: ServicePort, scope: Scope): boolean {
  const external =
    scope === 'cluster' && frontends.some(({ kind, policy }) => kind !== 'ClusterIP' && policy === 'Cluster');
  const policy = scope === 'cluster' ? 'Cluster' : 'Local';
  return external || frontends.some((frontend) => frontend.kind === 'ClusterIP' && frontend.policy === policy);
}

function kindOf({ family, algorithm, affinitySeconds = 0, proxy }: ServicePort): SectionKind {
  const { protocol = 'tcp', hashHeader } = proxy ?? {};
  // A client's first connections may come at once, and a reload forgets clients: their hash does not.
  const chosen = affinitySeconds > 0 ? 'source' : balanceOf[algorithm];
  const balance: Balance = hashHeader === undefined ? chosen : `hdr-${hashHeader}`;
  return { family, protocol, balance, affinitySeconds };
}

/** The endpoints that a proxy is to choose from, by their names as servers. */
export function serversFor(
  { clusterEndpoints, localEndpoints, proxy }: ServicePort,
  scope: Scope,
): ReadonlyMap<string, Server> {
  const endpoints: readonly Endpoint[] = scope === 'cluster' ? clusterEndpoints : localEndpoints;
  const chosen = endpoints.filter(({ weight }) => weight > 0);
  const { slowStartSeconds } = proxy ?? {};
  const slowly = slowStartSeconds === undefined ? {} : { slowStartSeconds };
  return new Map(
    chosen.map(({ address, port, weight }) => [
      serverName({ address, port }),
      { ...slowly, ...{ address, port, weight } },
    ]),
  );
}
