/** Where the API server really is: host (an IPv6 address without brackets) and port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** The part of an EndpointSlice that is read. */
export interface SliceAddresses {
  endpoints?: { addresses?: string[]; conditions?: { ready?: boolean } }[] | null;
  ports?: { name?: string; port?: number }[] | null;
}

/**
 * Reads `https://host:port`, `host:port` or `[address]:port`; the port is 443 if missing.
 *
 * @throws Error that quotes the text
 */
export function parseHostPort(text: string): HostPort {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url?.protocol !== 'https:' || url.hostname === '' || url.pathname !== '/') {
    throw new Error(`"${text}" is not the address of an API server, such as https://192.0.2.10:6443`);
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? 443 : Number(url.port) };
}

/** The addresses of the API servers, from the EndpointSlices of the Service default/kubernetes; sorted. */
export function apiServersIn(slices: Iterable<SliceAddresses>): HostPort[] {
  const found = [...slices].flatMap(({ endpoints, ports }) => {
    const port = (ports ?? []).find(({ name }) => name === 'https')?.port ?? ports?.[0]?.port;
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    if (port === undefined) return [];
    return ready.flatMap(({ addresses = [] }) => addresses.map((host) => ({ host, port })));
  });
  return found.sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.port - b.port));
}

/** The one in use as long as it is there: agents restart when it changes. */
export function chooseApiServer(found: readonly HostPort[], current: HostPort | undefined): HostPort | undefined {
  return found.find(({ host, port }) => host === current?.host && port === current.port) ?? found[0];
}
