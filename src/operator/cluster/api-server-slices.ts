import type { HostPort } from '../host-port.ts';

/** An EndpointSlice (discovery.k8s.io/v1) of the Service default/kubernetes, as far as it is read. */
export interface ApiServerSlice {
  endpoints?: { addresses?: string[]; conditions?: { ready?: boolean } }[] | null;
  ports?: { name?: string; port?: number }[] | null;
}

/** The addresses of the API servers, from the EndpointSlices of the Service default/kubernetes; sorted. */
export function apiServersIn(slices: Iterable<ApiServerSlice>): HostPort[] {
  const found = [...slices].flatMap(({ endpoints, ports }) => {
    const port = (ports ?? []).find(({ name }) => name === 'https')?.port ?? ports?.[0]?.port;
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    if (port === undefined) return [];
    return ready.flatMap(({ addresses = [] }) => addresses.map((host) => ({ host, port })));
  });
  return found.sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.port - b.port));
}
