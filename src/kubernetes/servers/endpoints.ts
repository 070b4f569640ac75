import { isIP } from 'node:net';

/** An EndpointSlice (discovery.k8s.io/v1) of the Service default/kubernetes, as far as it is read; nothing is certain. */
export interface ApiServerSlice {
  readonly endpoints?: unknown;
  readonly ports?: unknown;
}

interface Endpoint {
  readonly addresses?: unknown;
  readonly conditions?: { readonly ready?: unknown } | null;
}

interface Port {
  readonly name?: unknown;
  readonly port?: unknown;
}

/**
 * Where the API servers are, from the EndpointSlices of the Service default/kubernetes: `https://address:port`, sorted.
 * What is malformed is left out: the others are as good.
 */
export function apiServersIn(slices: Iterable<ApiServerSlice>): string[] {
  const found = [...slices].flatMap((slice) => {
    const ports = listOf<Port>(slice.ports);
    const port = (ports.find(({ name }) => name === 'https') ?? ports[0])?.port;
    if (typeof port !== 'number') return [];
    const ready = listOf<Endpoint>(slice.endpoints).filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses }) =>
      (Array.isArray(addresses) ? addresses : []).flatMap((host) => urlOf(host, port)),
    );
  });
  return [...new Set(found)].sort();
}

function urlOf(host: unknown, port: number): string[] {
  const family = typeof host === 'string' ? isIP(host) : 0;
  if (typeof host !== 'string' || family === 0) return [];
  const url = URL.parse(`https://${family === 6 ? `[${host}]` : host}:${port}`);
  return url === null ? [] : [url.origin];
}

/** The objects in what should be a list of them. */
function listOf<T extends object>(value: unknown): Partial<T>[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  // Every field of a Partial may be missing; what it holds is looked at where it is used.
  return items.filter((item) => typeof item === 'object' && item !== null);
}
