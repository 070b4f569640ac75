import { chooseEndpoints } from './choose-endpoints.ts';
import type { ChosenEndpoints, Place, Uses } from './choose-endpoints.ts';
import type { Claim } from './claims.ts';
import type { ParsedSlice } from './endpoint-slice.ts';
import { compareFrontends } from './frontends.ts';
import type { PortIdentity } from './frontends.ts';
import type { ParsedPort, ParsedService } from './service.ts';
import type { Algorithm, EngineName, ProxyChoice, ServicePort } from './types.ts';

/** What a ProxyConfig says about load balancing, and whose endpoints are local. */
export interface ServicesConfig {
  /** For Services that do not choose for themselves. */
  readonly defaultAlgorithm: Algorithm;
  /** A prime. */
  readonly maglevTableSize: number;
  /** Who is to choose endpoints for Services that say nothing; left out: slots. */
  readonly engine?: Exclude<EngineName, 'nftables'>;
  /** Endpoints with this `nodeName` are local. */
  readonly nodeName: string;
}

/** The endpoints of a Service port, out of the slices of its Service (all families, in the order of their keys). */
export function endpointsFor(
  { port, family }: PortIdentity,
  claims: readonly Claim[],
  slices: readonly ParsedSlice[],
  place: Place,
): ChosenEndpoints {
  const ofFamily = slices.filter((slice) => slice.family === family);
  return chooseEndpoints(ofFamily, { portName: port.name, protocol: port.protocol }, usesOf(claims), place);
}

/**
 * A Service port that is reachable from outside needs its cluster endpoints whatever its policies: traffic of Pods and
 * of this host takes the short circuit to all endpoints.
 */
function usesOf(claims: readonly Claim[]): Uses {
  const internal = claims.filter(({ frontend }) => frontend.kind === 'ClusterIP');
  const external = claims.filter(({ frontend }) => frontend.kind !== 'ClusterIP');
  return {
    cluster: external.length > 0 || internal.some(({ frontend }) => frontend.policy === 'Cluster'),
    local: claims.some(({ frontend }) => frontend.policy === 'Local'),
  };
}

/** The state of a Service port out of the claims that got their way and its endpoints. */
export function compose(
  { id, service, port, family }: PortIdentity,
  held: readonly Claim[],
  endpoints: ChosenEndpoints,
  config: ServicesConfig,
): ServicePort {
  const algorithm = service.algorithm?.algorithm ?? config.defaultAlgorithm;
  const proxy = proxyFor(service, port);
  return {
    id,
    namespace: service.namespace,
    name: service.name,
    portName: port.name,
    protocol: port.protocol,
    family,
    frontends: held.map(({ frontend }) => frontend).sort(compareFrontends),
    clusterEndpoints: endpoints.clusterEndpoints,
    localEndpoints: endpoints.localEndpoints,
    otherServingEndpoints: endpoints.otherServingEndpoints,
    hasAnyEndpoints: endpoints.hasAnyEndpoints,
    algorithm,
    ...(service.affinitySeconds === undefined ? {} : { affinitySeconds: service.affinitySeconds }),
    ...(algorithm === 'maglev' ? { maglevTableSize: config.maglevTableSize } : {}),
    ...(service.engine && { engine: service.engine.name }),
    ...(service.algorithm && { scheduler: service.algorithm.scheduler ?? 'none' }),
    ...(proxy && { proxy }),
  };
}

/** Who is to choose a Service's endpoints: by its own word, else by the configuration's. */
export function engineFor({ engine }: ParsedService, config: ServicesConfig): EngineName {
  return engine?.name ?? config.engine ?? 'nftables';
}

/** What a port says of itself comes before what its Service says of all ports. Undefined: connections are passed on. */
function proxyFor({ engine, hashHeader, slowStartSeconds }: ParsedService, port: ParsedPort): ProxyChoice | undefined {
  const protocol = port.proxied ?? engine?.proxied ?? 'tcp';
  if (port.protocol !== 'tcp' || (protocol === 'tcp' && slowStartSeconds === undefined)) return undefined;
  return {
    protocol,
    ...(hashHeader !== undefined && protocol !== 'tcp' && { hashHeader }),
    ...(slowStartSeconds !== undefined && { slowStartSeconds }),
  };
}
