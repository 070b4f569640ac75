import type { Endpoint, Protocol } from '../../services/index.ts';
import type { FrontendAddress } from '../data-plane.ts';

/**
 * The text of the keys and data of our sets, made and taken apart here and nowhere else. Fields are joined as `nft`
 * prints them, so that what is written, what is read back and what a person sees is the same text.
 *
 *   frontend   10.96.0.10 . tcp . 80        of a NodePort: tcp . 30080
 *   slot       <frontend> . 2               -> endpoint
 *   live       <frontend> . <endpoint>      a client may stay with it
 *   affinity   <client> . <frontend>        -> endpoint
 *   sources    <frontend> . 192.0.2.0/24
 *   endpoint   10.244.1.2 . 8080
 */
const joint = ' . ';

/** Where a Service port is reached, as far as a key says it. */
export type FrontendPlace = Omit<FrontendAddress, 'family'>;

/** `10.96.0.10 . tcp . 80`, or `tcp . 30080` for what has no address. */
export function frontendKey({ address, protocol, port }: FrontendPlace): string {
  const nodePort = `${protocol}${joint}${port}`;
  return address === undefined ? nodePort : `${address}${joint}${nodePort}`;
}

/** The reverse of `frontendKey`. @throws TypeError for what is none. */
export function parseFrontendKey(key: string): FrontendPlace {
  const fields = key.split(joint);
  const port = Number(fields.at(-1));
  const protocol = fields.at(-2);
  if (fields.length < 2 || fields.length > 3 || !Number.isInteger(port) || !isProtocol(protocol)) {
    throw new TypeError(`not the key of a frontend: ${JSON.stringify(key)}`);
  }
  const [address] = fields;
  return { protocol, port, ...(fields.length === 3 && address !== undefined ? { address } : {}) };
}

/** Transport protocols that Services can have. */
export const protocols = ['tcp', 'udp', 'sctp'] as const satisfies readonly Protocol[];

function isProtocol(text: string | undefined): text is Protocol {
  return protocols.some((protocol) => protocol === text);
}

/** `10.244.1.2 . 8080`. */
export function endpointText({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return `${address}${joint}${port}`;
}

/** `10.244.1.2:8080` or `[fd00::2]:8080` for people, from the data of a slot or of an affinity entry. */
export function endpointForPeople(text: string): string {
  const [address = '', port = ''] = text.split(joint);
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

export function slotKey(frontend: string, slot: number): string {
  return `${frontend}${joint}${slot}`;
}

/** Of `endpoint` data: a client of this frontend may stay with it. */
export function liveKey(frontend: string, endpoint: string): string {
  return `${frontend}${joint}${endpoint}`;
}

/** The entry of a client in the affinity map; only frontends with an address have one. */
export function affinityKey(client: string, frontend: string): string {
  return `${client}${joint}${frontend}`;
}

/**
 * What an affinity entry would be in the live sets: under the address that the client used, and under the NodePort of
 * the same number, as the entry does not tell which of the two it was.
 */
export function liveKeysOf(affinity: { readonly key: string; readonly data?: string }): {
  service: string;
  nodePort: string;
} {
  const [, address = '', ...nodePort] = affinity.key.split(joint);
  const live = (fields: readonly string[]): string => [...fields, affinity.data ?? ''].join(joint);
  return { service: live([address, ...nodePort]), nodePort: live(nodePort) };
}

/** An endpoint that may reach itself through a Service. */
export function hairpinKey(address: string): string {
  return `${address}${joint}${address}`;
}

export function sourceRangeKey(frontend: string, range: string): string {
  return `${frontend}${joint}${range}`;
}

/** The frontend of a key of `source_ranges`; '' for a key that is nothing but a range. */
export function frontendOfRange(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf(joint)));
}

/** The ranges of one frontend out of the keys of `source_ranges`. */
export function sourceRangesOf(frontend: string, keys: readonly string[]): string[] {
  const prefix = `${frontend}${joint}`;
  return keys.flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []));
}
