import { createHash } from 'node:crypto';

/**
 * Which name a server's certificate must have:
 *
 * - `host`: the host of its URL, as with any HTTPS client
 * - `host-or-cluster`: that, or `kubernetes.default.svc`
 * - `cluster`: `kubernetes.default.svc` alone, for an address that anybody may hold who can write an EndpointSlice: the
 *   certificates of kubelets, which the same authority may have signed, have the addresses of nodes
 */
export type Identity = 'host' | 'host-or-cluster' | 'cluster';

/** One API server of the cluster. */
export interface ApiServer {
  /** Base URL, without a slash at the end. */
  readonly url: string;
  readonly identity: Identity;
}

/** Where API servers are, by who says so. */
export interface ServerLists {
  /** Named by a person: in this order, before all others. */
  readonly given: readonly string[];
  /** Endpoints of the Service default/kubernetes, as this process has seen them. */
  readonly known: readonly string[];
  /** The same as somebody else has seen them, maybe earlier, maybe later. */
  readonly found: readonly string[];
}

/** When a server last failed, by URL, in milliseconds of a monotonic clock. */
export type Failures = ReadonlyMap<string, number>;

/** So long a server that has failed comes after all that have not. Then its turn is as before: it may have restarted. */
const avoidMilliseconds = 300_000;

/**
 * All servers, each once, in the order of preference while all are well. Endpoints are in an order of the `seed`'s own:
 * clients with different seeds spread over them, and move as little as may be when one comes or goes.
 *
 * @param base the server that the connection names, and whether it comes first, or last: when nothing else is known
 */
export function preferred(
  base: ApiServer & { readonly last: boolean },
  { given, known, found }: ServerLists,
  seed: string,
): ApiServer[] {
  const own: ApiServer = { url: base.url, identity: base.identity };
  const all = [
    ...given.map((url): ApiServer => ({ url, identity: 'host-or-cluster' })),
    ...(base.last ? [] : [own]),
    ...[known, found].flatMap((urls) => spread(urls, seed).map((url): ApiServer => ({ url, identity: 'cluster' }))),
    ...(base.last ? [own] : []),
  ];
  const seen = new Set<string>();
  return all.filter(({ url }) => !seen.has(url) && seen.add(url));
}

/** In which order servers are tried now: those that have failed lately last, the oldest failure first. */
export function byHealth(servers: readonly ApiServer[], failures: Failures, now: number): ApiServer[] {
  const failed = servers.filter(({ url }) => hasFailed(failures, url, now));
  const well = servers.filter((server) => !failed.includes(server));
  const at = ({ url }: ApiServer): number => failures.get(url) ?? 0;
  return [...well, ...failed.sort((a, b) => at(a) - at(b))];
}

function hasFailed(failures: Failures, url: string, now: number): boolean {
  const at = failures.get(url);
  return at !== undefined && now - at < avoidMilliseconds;
}

/** Rendezvous hashing. */
function spread(urls: readonly string[], seed: string): string[] {
  const rank = new Map(urls.map((url) => [url, createHash('sha256').update(`${seed} ${url}`).digest('hex')]));
  return [...rank].sort(([, a], [, b]) => (a < b ? -1 : 1)).map(([url]) => url);
}
