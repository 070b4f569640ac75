import type { Family } from '../ip/index.ts';

/** What the proxy understands of what it passes on. `h2c`: HTTP/2 without TLS, as gRPC speaks it. */
export const proxiedProtocols = ['tcp', 'http', 'h2c'] as const;
export type ProxiedProtocol = (typeof proxiedProtocols)[number];

/** How HAProxy chooses a server; `hdr-NAME`: by a request header's hash, the name in small letters. */
export type Balance = 'random' | 'roundrobin' | 'leastconn' | 'source' | `hdr-${string}`;

/** What cannot be changed in a section without reading the configuration anew. */
export interface SectionKind {
  readonly family: Family;
  readonly protocol: ProxiedProtocol;
  readonly balance: Balance;
  /** Seconds a client stays with its server after it was last seen; 0: it does not. */
  readonly affinitySeconds: number;
}

/** An endpoint, as a server of a section. */
export interface Server {
  readonly address: string;
  readonly port: number;
  /** 0-256; 0 gets nothing new. */
  readonly weight: number;
  /** Seconds in which its share grows to what its weight says, each time that it comes into use; left out: at once. */
  readonly slowStartSeconds?: number;
}

/** A section of the configuration: a listener, and the servers that its connections or requests go to. */
export interface Section {
  readonly kind: SectionKind;
  /** From 0 on; no two sections of a family have the same. It says where the section listens. */
  readonly number: number;
  /** By {@link serverName}. */
  readonly servers: ReadonlyMap<string, Server>;
  /** Those that were taken out and still have connections. No HAProxy begins with them. */
  readonly leaving?: ReadonlyMap<string, Server>;
}

/** Where sections listen: ranges that are routed to this host and that no interface has. */
export const listenerRanges: Readonly<Record<Family, string>> = { 4: '169.254.78.0/24', 6: 'fd6e:6674:7078:4e::/64' };

/** Addresses of a range that are used, from the first one on. */
const addressesUsed = 254;
/**
 * Above NodePorts (30000-32767) and what Linux gives to clients (32768-60999). While HAProxy listens at one of these ports,
 * the kernel lets no other process listen there at all addresses, and the other way round.
 */
const firstPort = 61_780;

/** Where a section listens. */
export function listenerOf({ kind: { family }, number }: Pick<Section, 'kind' | 'number'>): Omit<Server, 'weight'> {
  const last = 1 + (number % addressesUsed);
  const [network = ''] = listenerRanges[family].split('/');
  const address = family === 4 ? network.replace(/\.0$/, `.${last}`) : `${network}${last.toString(16)}`;
  return { address, port: firstPort + Math.floor(number / addressesUsed) };
}

/** `4.h2c.leastconn.0`: the same for kinds that are the same. */
export function kindText({ family, protocol, balance, affinitySeconds }: SectionKind): string {
  return `${family}.${protocol}.${balance}.${affinitySeconds}`;
}

/** The section's name in the configuration and in everything that HAProxy says of it: `4.h2c.leastconn.0.17`. */
export function sectionName({ kind, number }: Pick<Section, 'kind' | 'number'>): string {
  return `${kindText(kind)}.${number}`;
}

/** Reads {@link sectionName}; undefined if it is no name of ours. */
export function parseSectionName(name: string): Pick<Section, 'kind' | 'number'> | undefined {
  const [, family, protocol, balance = '', seconds, number] =
    /^([46])\.(tcp|http|h2c)\.(random|roundrobin|leastconn|source|hdr-[a-z0-9-]+)\.(\d+)\.(\d+)$/.exec(name) ?? [];
  const known = proxiedProtocols.find((each) => each === protocol);
  if (known === undefined) return undefined;
  const kind: SectionKind = {
    ...{ family: family === '6' ? 6 : 4, protocol: known },
    ...{ balance: balance as Balance, affinitySeconds: Number(seconds) },
  };
  const section = { kind, number: Number(number) };
  const isOurs = sectionName(section) === name && listenerOf(section).port < 65_536;
  return isOurs ? section : undefined;
}

/** `10.244.1.2_8080`: the name of a server within its section. */
export function serverName({ address, port }: Omit<Server, 'weight'>): string {
  return `${address}_${port}`;
}
